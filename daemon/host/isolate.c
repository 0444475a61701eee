/* isolate.c - user, capabilities and system calls, given up for good.
 *
 * capabilities(7), prctl(2), seccomp(2).  The system calls are rows of syscalls.def, and
 * for sanitizers of a file that CMake chooses: their run-time libraries need more. */
#include "host/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int isolate_identity(const char *user, struct identity *ret_identity, struct diag *d)
{
	struct identity id = { geteuid(), getegid(), false };
	const struct passwd *pw;

	if (id.uid == 0) {
		errno = 0;
		pw = getpwnam(user);
		if (!pw) {
			bool absent = !errno || errno == ENOENT || errno == ESRCH;

			diag_error(d, NULL, "the user \"%s\" does not exist", user);
			diag_hint(d, "make it (useradd --system %s), or set user in [daemon]",
				  user);
			/* Not known to any, or one of those who know users could not be asked. */
			return absent ? -ENOTRECOVERABLE : -ENOENT;
		}
		id.change = pw->pw_uid != 0;
		id.uid = pw->pw_uid;
		id.gid = pw->pw_gid;
	}
	*ret_identity = id;
	return 0;
}

/* All three sets to what the mask says, of what we have. */
static int set_capabilities(uint32_t mask)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].permitted &= mask;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){ 0 };
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	return 0;
}

static int change_user(const struct identity *id)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(id->gid, id->gid, id->gid) < 0 ||
	    setresuid(id->uid, id->uid, id->uid) < 0)
		return -errno;
	return 0;
}

int isolate_become(const struct identity *id, struct diag *d)
{
	int err = id->change ? change_user(id) : 0;

	if (!err)
		err = set_capabilities(1u << CAP_NET_ADMIN);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err = -errno;
	if (err)
		diag_error(d, NULL, "cannot give up root's rights: %s", strerror(-err));
	return err;
}

int isolate_look_as(const struct identity *id)
{
	if (setgroups(0, NULL) < 0 || setegid(id->gid) < 0 || seteuid(id->uid) < 0)
		return -errno;
	return 0;
}

int isolate_look_as_root(void)
{
	return seteuid(0) < 0 || setegid(0) < 0 ? -errno : 0;
}

int isolate_filter(pid_t keeper)
{
	int err;

	/* The bounding set would need CAP_SETPCAP, and without exec it gives nothing. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	err = set_capabilities(0);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	/* It may have died before. */
	return getppid() == keeper ? 0 : -ESRCH;
}

/* ---- system calls ---- */

static const char *const allowed[] = {
#define SYSCALL(name) #name,
#include "host/syscalls.def"
#include SYSCALLS_EXTRA
#undef SYSCALL
};

/* Calls that this machine does not have are passed over: names differ between
 * architectures. */
static int allow(scmp_filter_ctx ctx)
{
	size_t i;
	int nr, err;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		nr = seccomp_syscall_resolve_name(allowed[i]);
		if (nr == __NR_SCMP_ERROR || nr < 0)
			continue;
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Files may be read, never written or made. */
static int allow_reading(scmp_filter_ctx ctx)
{
	const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE;
	int err;

	err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, writing & ~(scmp_datum_t)O_DIRECTORY,
				       O_RDONLY));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ,
					       writing & ~(scmp_datum_t)O_DIRECTORY, O_RDONLY));
	return err;
}

static int allow_if(scmp_filter_ctx ctx, int nr, unsigned arg, scmp_datum_t value)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1,
				SCMP_CMP(arg, SCMP_CMP_EQ, value));
}

/* What would reach beyond us with other arguments.  A signal to the keeper, sent or asked
 * for of the kernel (F_SETOWN), could have it stop and open the host; an ioctl could make
 * a TUN outlive the daemon. */
static int allow_narrowly(scmp_filter_ctx ctx)
{
	static const scmp_datum_t commands[] = { F_GETFD, F_SETFD, F_GETFL,
						 F_DUPFD_CLOEXEC };
	static const scmp_datum_t flags = O_NONBLOCK | O_ASYNC | O_APPEND | O_DIRECT;
	size_t i;
	int err;

	/* abort(3): a failed assertion ends us, and the keeper starts another. */
	err = allow_if(ctx, SCMP_SYS(tgkill), 0, (scmp_datum_t)getpid());
	/* How libevent asks what there is to read. */
	if (!err)
		err = allow_if(ctx, SCMP_SYS(ioctl), 1, FIONREAD);
	for (i = 0; !err && i < sizeof(commands) / sizeof(commands[0]); i++)
		err = allow_if(ctx, SCMP_SYS(fcntl), 1, commands[i]);
	/* A queue's flags are those of the next filter's as well, who would wait in read(2). */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2,
				       SCMP_A1(SCMP_CMP_EQ, F_SETFL),
				       SCMP_A2(SCMP_CMP_MASKED_EQ, flags, O_NONBLOCK));
	return err;
}

int isolate_syscalls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err;

	if (!ctx)
		return -ENOMEM;
	err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = allow(ctx);
	if (!err)
		err = allow_reading(ctx);
	if (!err)
		err = allow_narrowly(ctx);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}
