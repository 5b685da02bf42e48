/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wake protocol of gateway/base/wake.c for spin(1), which tries every order of its steps:
 * WAKERS threads publish ITEMS each and poke; one thread takes them and sleeps in between. A
 * wake that is lost leaves the sleeper in its poll for ever, which spin reports as an invalid
 * end state. check.sh runs it, and its faulty variants, which must be found.
 *
 * One exchange of `sleeping` is one step, as all threads agree on their order. What is published
 * before it is seen by whoever reads its result: that is what its acquire and release are for,
 * so a model with one order of all steps is the right one. PUBLISH_LATE is what could happen
 * without them: the item becomes visible after the poke.
 */
#ifndef WAKERS
#define WAKERS 2
#endif
#ifndef ITEMS
#define ITEMS 2
#endif

bit sleeping = 0;   /* gw_wake.sleeping */
byte event = 0;     /* the count of the eventfd */
byte published = 0; /* items in the rings */
byte unread = 0;    /* gw_wake.unread: the sleeper's alone */
byte taken = 0;

inline poke() {
#ifdef PLAIN_LOAD /* looks without the exchange: the sleeper may announce itself in between */
	if
	:: read_early == 0 -> skip
	:: else -> sleeping = 0; event++
	fi
#else
	atomic { was = sleeping; sleeping = 0 }
	if
	:: was == 0 -> skip
	:: else -> event++ /* write(2), maybe much later */
	fi
#endif
}

active [WAKERS] proctype waker()
{
	byte n = 0;
	bit was = 0, read_early = 0;

	do
	:: n == ITEMS -> break
	:: else ->
#if defined(PUBLISH_LATE)
		poke();
		published++
#elif defined(PLAIN_LOAD)
		read_early = sleeping; /* the load, done before the store of the item is visible */
		published++;
		poke()
#else
		published++;
		poke()
#endif
		n++
	od
}

active proctype sleeper()
{
	bit poked = 0;

	do
	:: taken == WAKERS * ITEMS -> break
	:: else ->
		taken = published; /* takes all that is there */
		if
		:: taken == WAKERS * ITEMS -> break
		:: else -> skip
		fi;
		atomic { sleeping = 1 } /* gw_wake_prepare */
#ifndef NO_SECOND_LOOK
		if
		:: published > taken -> skip /* the second look finds something: gw_wake_finish */
		:: else -> (event > 0) /* poll: blocks while the eventfd is 0 */
		fi;
#else
		(event > 0);
#endif
		atomic { poked = (sleeping == 0); sleeping = 0 }
		unread = unread + poked;
		if
		:: unread > 0 && event > 0 -> /* read(2): takes the whole count */
			atomic {
				assert(event <= unread); /* each write was noted first */
				unread = unread - event;
				event = 0
			}
		:: else -> skip
		fi
	od;
	/* At most the writes that are still to come are not read. */
	assert(unread <= WAKERS)
}
