/* spin.h - waiting for a lock that is held for a few dozen instructions.
 *
 * Whoever waits spins, and lets others run when that takes long: the owner may have been
 * preempted. */
#ifndef CTFW_SPIN_H
#define CTFW_SPIN_H

#include <sched.h>

#define SPIN_BEFORE_YIELD 128

/* One round; *rounds begins with 0. */
static inline void spin(unsigned *rounds)
{
	if (++*rounds % SPIN_BEFORE_YIELD == 0)
		sched_yield();
#if defined(__x86_64__) || defined(__i386__)
	else
		__builtin_ia32_pause();
#endif
}

#endif
