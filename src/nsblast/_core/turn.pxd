# Turns of two threads at one Engine: pthread mutexes, eventfd(2), poll(2).

from libc.stdint cimport uint64_t

cdef extern from "pthread.h" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* kind)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)

cdef extern from "poll.h" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* fds, unsigned long n, int timeout)
    short POLLIN

cdef extern from "sys/eventfd.h" nogil:
    int eventfd(unsigned int count, int flags)
    int eventfd_read(int fd, uint64_t* count)
    int eventfd_write(int fd, uint64_t count)
    int EFD_CLOEXEC
    int EFD_NONBLOCK
