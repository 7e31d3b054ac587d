#ifndef CLINUX_H
#define CLINUX_H
#include <unistd.h>
#include <errno.h>
static inline int clinux_errno(void) { return errno; }
#endif
