/* rcu.h - liburcu's QSBR flavour, under our names.
 *
 * A worker is registered, online while it looks at shared records and announces a
 * quiescent state between packets; it is offline while it sleeps.  Whoever frees waits
 * with rcu_wait().  The wrappers tell ThreadSanitizer of the order that a grace period
 * gives, which it cannot see inside liburcu. */
#ifndef CTFW_RCU_H
#define CTFW_RCU_H

#include <urcu/urcu-qsbr.h>

#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
extern char rcu_tsan_token;
#define RCU_TSAN_ACQUIRE() __tsan_acquire(&rcu_tsan_token)
#define RCU_TSAN_RELEASE() __tsan_release(&rcu_tsan_token)
#else
#define RCU_TSAN_ACQUIRE() ((void)0)
#define RCU_TSAN_RELEASE() ((void)0)
#endif

/* The thread is online after that. */
static inline void rcu_register(void)
{
	urcu_qsbr_register_thread();
}

static inline void rcu_unregister(void)
{
	RCU_TSAN_RELEASE();
	urcu_qsbr_unregister_thread();
}

static inline void rcu_online(void)
{
	urcu_qsbr_thread_online();
	RCU_TSAN_ACQUIRE();
}

static inline void rcu_offline(void)
{
	RCU_TSAN_RELEASE();
	urcu_qsbr_thread_offline();
}

/* This thread holds nothing that it found. */
static inline void rcu_quiescent(void)
{
	RCU_TSAN_RELEASE();
	urcu_qsbr_quiescent_state();
	RCU_TSAN_ACQUIRE();
}

/* Until every online thread has been quiescent once.  The caller may be registered. */
static inline void rcu_wait(void)
{
	RCU_TSAN_RELEASE();
	urcu_qsbr_synchronize_rcu();
	RCU_TSAN_ACQUIRE();
}

#endif
