# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy before an MQTT broker: a link of so many bytes a second, a broker of before MQTT 5."""
import select
import socket
import ssl
import threading
import time

CONNECT = 1


def _read(sock, n):
    got = b""
    while len(got) < n:
        more = sock.recv(n - len(got))
        if not more:
            return None
        got += more
    return got


def read_packet(sock):
    """One MQTT packet, all of its bytes; None at the end."""
    head = _read(sock, 1)
    size = shift = 0
    while head:
        byte = _read(sock, 1)
        if not byte:
            return None
        head += byte
        size |= (byte[0] & 127) << shift
        shift += 7
        if byte[0] < 128:
            rest = _read(sock, size) if size else b""
            return None if rest is None else head + rest
    return None


class Proxy:
    """bytes_per_s: of what the broker sends. old: MQTT 5 is refused, as RabbitMQ and NATS do.
    tls: (certificate, key) of the end towards the gateway. gather_s: what the broker says is
    collected for so long, and with TLS goes out in as few records as there can be."""

    def __init__(self, broker_port, bytes_per_s=None, old=True, tls=None, gather_s=0):
        self.gather_s, self.context = gather_s, None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*map(str, tls))
        self.broker_port, self.bytes_per_s, self.old = broker_port, bytes_per_s, old
        self.connects = 0  # that got through to the broker
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _spawn(self, f, *args):
        t = threading.Thread(target=f, args=args, daemon=True)
        self._threads.append(t)
        t.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, client)

    def _serve(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.append(client)
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
                self._open.append(client)
            packet = read_packet(client)
            if packet is None:
                return
            head = 2 if packet[1] < 128 else 3
            if self.old and packet[head + 6] == 5:
                client.sendall(b"\x20\x02\x00\x01")
                client.shutdown(socket.SHUT_WR)
                return
            broker = socket.create_connection(("127.0.0.1", self.broker_port))
            self._open.append(broker)
            self.connects += 1
            broker.sendall(packet)
            self._pass_on(client, broker)
        except OSError:
            pass
        finally:
            client.close()

    def _pass_on(self, client, broker):
        due = time.monotonic()
        while True:
            held = self.context and client.pending()
            ready = select.select([client, broker], [], [], 0 if held else None)[0]
            if held:
                ready.append(client)
            if client in ready:
                data = client.recv(16384)
                if not data:
                    return
                broker.sendall(data)
            if broker in ready:
                time.sleep(self.gather_s)
                data = broker.recv(262144)
                if not data:
                    return
                client.sendall(data)
                if self.bytes_per_s:
                    due = max(due, time.monotonic() - 0.01) + len(data) / self.bytes_per_s
                    time.sleep(max(0, due - time.monotonic()))

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for s in self._open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for t in self._threads:
            t.join(5)
