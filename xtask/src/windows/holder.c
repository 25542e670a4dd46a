/* A program that has a file open, as a scanner or an editor would: `holder FILE SHARING SIGN MILLISECONDS`. It waits until it can open
   the file, makes the file SIGN, and closes the other one when SIGN is gone or the time is over. */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

int wmain(int count, wchar_t **arguments)
{
    HANDLE held = INVALID_HANDLE_VALUE;
    FILE *sign;
    int tries, left;
    if (count != 5)
        return 1;
    for (tries = 0; tries < 60000 && held == INVALID_HANDLE_VALUE; tries++) {
        held = CreateFileW(arguments[1], GENERIC_READ, _wtoi(arguments[2]), NULL, OPEN_EXISTING,
                           FILE_FLAG_BACKUP_SEMANTICS, NULL);
        if (held == INVALID_HANDLE_VALUE)
            Sleep(1);
    }
    if (held == INVALID_HANDLE_VALUE)
        return 2;
    sign = _wfopen(arguments[3], L"w");
    if (sign == NULL)
        return 3;
    fclose(sign);
    for (left = _wtoi(arguments[4]); left > 0 && GetFileAttributesW(arguments[3]) != INVALID_FILE_ATTRIBUTES; left -= 50)
        Sleep(50);
    CloseHandle(held);
    return 0;
}
