/* What Windows shows of a program: its description, its version, and how many icons it has. */
#include <stdio.h>
#include <windows.h>
#include <shellapi.h>

int wmain(int count, wchar_t **arguments)
{
    static char data[65536];
    VS_FIXEDFILEINFO *version;
    wchar_t *text;
    UINT size;
    if (count != 2 || !GetFileVersionInfoW(arguments[1], 0, sizeof data, data))
        return 1;
    if (!VerQueryValueW(data, L"\\", (void **)&version, &size))
        return 2;
    if (!VerQueryValueW(data, L"\\StringFileInfo\\040904b0\\FileDescription", (void **)&text, &size))
        return 3;
    printf("%ls %u.%u icons %u\n", text, HIWORD(version->dwFileVersionMS), LOWORD(version->dwFileVersionMS),
           (unsigned)ExtractIconExW(arguments[1], -1, NULL, NULL, 0));
    return 0;
}
