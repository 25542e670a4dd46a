/* What Rust's standard library wants of a library that Wine 8 does not have: random bytes. */
#include <stddef.h>

__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *bytes, unsigned long count);

__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *bytes, size_t count)
{
    return SystemFunction036(bytes, (unsigned long)count);
}
