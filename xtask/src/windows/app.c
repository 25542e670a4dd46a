/* An app for the stories. It says its version and ends; with `--stay FILE` it makes that file and runs until it is gone; with
   `--interrupt FILE` it runs until something happens to its console, tells in FILE what it was, and takes its time to end. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static const wchar_t *told;

static int stay(const wchar_t *path)
{
    FILE *file = _wfopen(path, L"w");
    if (file == NULL)
        return 1;
    fclose(file);
    while (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES)
        Sleep(50);
    printf("goodbye %s\n", VERSION);
    return 0;
}

static BOOL WINAPI tidy_up(DWORD event)
{
    FILE *file;
    Sleep(700);
    file = _wfopen(told, L"w");
    if (file == NULL)
        ExitProcess(1);
    fprintf(file, "%s", event == CTRL_C_EVENT ? "Ctrl-C" : event == CTRL_CLOSE_EVENT ? "closed" : "something else");
    fclose(file);
    ExitProcess(7);
}

static int wait_for_interrupt(const wchar_t *path)
{
    told = path;
    SetConsoleCtrlHandler(tidy_up, TRUE);
    printf("ready\n");
    fflush(stdout);
    Sleep(60000);
    return 1;
}

int wmain(int count, wchar_t **arguments)
{
    printf("hello %s\n", VERSION);
    fflush(stdout);
    if (count == 3 && wcscmp(arguments[1], L"--stay") == 0)
        return stay(arguments[2]);
    if (count == 3 && wcscmp(arguments[1], L"--interrupt") == 0)
        return wait_for_interrupt(arguments[2]);
    return 0;
}
