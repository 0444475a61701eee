/* rcu.c - what the wrappers of rcu.h hang on to under ThreadSanitizer. */
#include "ctfw/rcu.h"

#if defined(__SANITIZE_THREAD__)
char rcu_tsan_token;
#else
/* ISO C wants a translation unit to declare something. */
extern int rcu_no_token;
#endif
