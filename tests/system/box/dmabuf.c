/* Stands in for the kernel's DMA-buf providers, for libcamera in a container that has none.
 *
 * Preloaded into the camera service of the test box only. A buffer is a memfd: it can be mapped and
 * passed around like a DMA-buf, which is all that the virtual pipeline and picamera2 ask of one.
 *   /dev/udmabuf        UDMABUF_CREATE hands back a duplicate of the caller's own memfd
 *   /dev/dma_heap/...   DMA_HEAP_IOCTL_ALLOC makes a memfd of the wanted size
 *   DMA_BUF_...         naming and syncing have nothing to do: no device writes behind the caches
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_provider(const char *path)
{
	return path && (!strcmp(path, "/dev/udmabuf") || !strncmp(path, "/dev/dma_heap/", 14));
}

static int opened(int folder, const char *path, int flags, mode_t mode)
{
	if (is_provider(path)) /* any descriptor will do: the ioctls below never look at it */
		return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	return syscall(SYS_openat, folder, path, flags, mode);
}

#define WITH_MODE(call)                                                    \
	do {                                                               \
		mode_t mode = 0;                                           \
		if (flags & (O_CREAT | __O_TMPFILE)) {                     \
			va_list rest;                                      \
			va_start(rest, flags);                             \
			mode = va_arg(rest, mode_t);                       \
			va_end(rest);                                      \
		}                                                          \
		return call;                                               \
	} while (0)

int open(const char *path, int flags, ...) { WITH_MODE(opened(AT_FDCWD, path, flags, mode)); }
int open64(const char *path, int flags, ...) { WITH_MODE(opened(AT_FDCWD, path, flags, mode)); }
int openat(int folder, const char *path, int flags, ...)
{
	WITH_MODE(opened(folder, path, flags, mode));
}
int openat64(int folder, const char *path, int flags, ...)
{
	WITH_MODE(opened(folder, path, flags, mode));
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);

	switch (request) {
	case UDMABUF_CREATE: {
		const struct udmabuf_create *wanted = argument;
		return fcntl(wanted->memfd, F_DUPFD_CLOEXEC, 0);
	}
	case DMA_HEAP_IOCTL_ALLOC: {
		struct dma_heap_allocation_data *wanted = argument;
		int made = memfd_create("dma-heap", MFD_CLOEXEC);
		if (made < 0 || ftruncate(made, wanted->len))
			return -1;
		wanted->fd = made;
		return 0;
	}
	}
	if (_IOC_TYPE(request) == DMA_BUF_BASE)
		return 0;
	return syscall(SYS_ioctl, fd, request, argument);
}
