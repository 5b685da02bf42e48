"""Signals made for the study: ramps with noise, and harmless life in which nothing reaches its limit
for long. Each function returns rows (time_ms, point, value), jobs (point, limit, within_s, fit_s)."""

import math
import random

DAY = 86400


def ramps():
    """Quiet, then a ramp to the limit. Returns also what is known of each point."""
    rnd = random.Random(7)
    rows, jobs, known = [], [], {}

    def ramp(name, start, per_min, noise, limit, within, period, step=0.0):
        point, quiet = f"s/{name}/v", max(7200, 20 * period)
        length = abs(limit - start) / abs(per_min) * 60
        t = rnd.random() * period
        while t < quiet + 1.3 * length:
            value = start + (0 if t < quiet else per_min / 60 * (t - quiet)) + rnd.gauss(0, noise)
            if step:
                value = round(value / step) * step
            rows.append((int(t * 1000), point, value))
            t += period
        jobs.append((point, limit, within, within))
        known[point] = {"onset_ms": quiet * 1000, "limit_ms": (quiet + length) * 1000,
                        "within": within, "period": period}

    for period in (1, 5, 30):
        for k in range(5):
            for speed in (3, 6, 9):
                ramp(f"gas {speed} a minute every {period} s/{k}", 2, speed, 0.15, 20, 600, period, 0.1)
            for speed in (0.005, 0.01, 0.02):
                ramp(f"leak {speed} a minute every {period} s/{k}", 0.45, -speed, 0.002, 0.2, 1800, period,
                     0.001)
    for within in (600, 7200, 43200):
        for period in (1, 10, 60, 300):
            for speed in (0.1, 0.3, 1, 3, 10):
                for noise in (0.05, 0.5):
                    if 18 / speed * 60 >= 3 * period:
                        ramp(f"ramp within {within // 60} min every {period} s/{speed}-{noise}", 2,
                             speed, noise, 20, within, period)
    return sorted(rows), jobs, known


def harmless():
    """What a building does all day, at limits that it does not touch."""
    rnd = random.Random(11)
    rows, jobs = [], []

    def add(name, value_at, period, days, limits, step=0.1):
        t = 0.0
        while t < days * DAY:
            rows.append((int(t * 1000), f"s/{name}/v", round(value_at(t) / step) * step))
            t += period
        jobs.extend((f"s/{name}/v",) + limit for limit in limits)

    def wander(mean, deviation, tau, period):
        keep, last = math.exp(-period / tau), [mean]

        def value_at(_):
            last[0] = mean + (last[0] - mean) * keep + rnd.gauss(
                0, deviation * math.sqrt(1 - keep * keep))
            return last[0]
        return value_at

    def day(t, phase=0.0):
        return math.sin(t / DAY * 2 * math.pi + phase)

    def events(mean_s, days, values):
        at, t = [], 0.0
        while t < days * DAY:
            at.append((t, rnd.choice(values)))
            t += rnd.expovariate(1 / mean_s)
        return at

    def held(at):
        k = [0]

        def value_at(t):
            while k[0] + 1 < len(at) and t >= at[k[0] + 1][0]:
                k[0] += 1
            return at[k[0]][1]
        return value_at

    def switched(low, high, up, down, start, noise):
        state = {"value": start, "up": True}

        def value_at(t):
            state["value"] += up(t) if state["up"] else -down(t)
            if state["value"] > high:
                state["up"] = False
            if state["value"] < low:
                state["up"] = True
            return state["value"] + rnd.gauss(0, noise)
        return value_at

    def lagged(target, tau_up, tau_down):
        last = [0.0]

        def value_at(t):
            goal = target(t)
            last[0] += (goal - last[0]) * (1 - math.exp(-10 / (tau_up if goal else tau_down)))
            return last[0]
        return value_at

    add("noise", lambda t: 2 + rnd.gauss(0, 0.3), 5, 7, [(20, 600, 600), (5, 600, 600)])
    sway = wander(18, 0.8, 1800, 10)
    add("wander", lambda t: sway(t) + rnd.gauss(0, 0.1), 10, 14,
        [(25, 600, 600), (25, 7200, 7200), (14, 1800, 1800)])
    add("thermostat", switched(55, 65, lambda t: 0.1, lambda t: 0.058, 60, 0.1), 10, 7,
        [(75, 600, 600), (70, 600, 600), (45, 600, 600), (75, 1800, 1800), (80, 7200, 3600)])
    door = lagged(held(events(1800, 21, (0, 0, 0, 0, 0, 4))), 90, 600)
    add("door", lambda t: 21 + 1.2 * day(t) - door(t) + rnd.gauss(0, 0.05), 10, 21,
        [(14, 600, 600), (14, 1800, 1800), (12, 7200, 7200), (57, 600, 600)])
    load = lagged(held(events(5400, 14, (0, 5, 12, 20, 30))), 1200, 1200)
    add("cable", lambda t: 28 + 4 * day(t) + load(t) + rnd.gauss(0, 0.1), 10, 14,
        [(85, 1200, 1200), (70, 1200, 1200)])
    add("tank", switched(1.3, 2.5, lambda t: 3e-3, lambda t: 6e-4 * (1 + 0.8 * day(t)), 2.4, 0.005),
        10, 14, [(1.0, 3600, 3600), (2.8, 3600, 3600)], 0.01)
    add("pump", switched(0.32, 0.42, lambda t: 0.01, lambda t: 1e-3 * max(0, rnd.gauss(1, 0.5)),
                         0.4, 0.003), 10, 10, [(0.2, 1800, 1800), (0.1, 3600, 3600)], 0.001)
    puffs = [(rnd.random() * 14 * DAY, rnd.uniform(0.2, 1.8), rnd.uniform(20, 120))
             for _ in range(56)]
    add("smoke", lambda t: 0.3 + 0.1 * day(t) + rnd.gauss(0, 0.03) + sum(
        2.6 * size * (math.exp((at - t) / (3 * tau)) - math.exp((at - t) / tau))
        for at, size, tau in puffs if 0 < t - at < 1500), 10, 14, [(3.4, 600, 600)], 0.01)
    switching = held(events(7200, 14, (0, 10, 25, 40, 80)))
    add("leakage", lambda t: 110 + 30 * day(t, -2) + switching(t) + rnd.gauss(0, 3), 10, 14,
        [(300, 7200, 10800)], 1)
    cloud = wander(0, 1, 1200, 60)
    add("sun", lambda t: 20 + max(0, 9 * day(t, -math.pi / 2)) * (1 + 0.3 * cloud(t))
        + rnd.gauss(0, 0.1), 60, 28,
        [(40, 1800, 1800), (40, 7200, 7200), (57, 600, 600)])
    add("broken", lambda t: rnd.choice((22.4, 68.8, 161.6)), 60, 7,
        [(57, 600, 600), (200, 600, 600)])
    return sorted(rows), jobs
