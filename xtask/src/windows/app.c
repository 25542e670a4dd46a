/* An app for the story: it says its version; with `--stay FILE` it makes that file and runs until it is gone. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

int wmain(int count, wchar_t **arguments)
{
    printf("hello %s\n", VERSION);
    fflush(stdout);
    if (count == 3 && wcscmp(arguments[1], L"--stay") == 0) {
        FILE *file = _wfopen(arguments[2], L"w");
        if (file == NULL)
            return 1;
        fclose(file);
        while (GetFileAttributesW(arguments[2]) != INVALID_FILE_ATTRIBUTES)
            Sleep(50);
        printf("goodbye %s\n", VERSION);
    }
    return 0;
}
