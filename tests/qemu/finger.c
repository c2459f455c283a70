/* finger WIDTH HEIGHT: a touchscreen with slots (uinput), as panels have them. Plugged in at the start, pulled out at the end of
 * standard input. A line of that is "down SLOT X Y", "move SLOT X Y" or "up SLOT"; each ends with a report.
 *
 * Linux, input/uinput.rst and input/multi-touch-protocol.rst (type B), with the single-touch axes that the kernel's own drivers
 * send beside (input_mt_report_pointer_emulation): the finger that came first.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/uinput.h>

#define SLOTS 5

static int device;

static void say(int type, int code, int value) {
    struct input_event event = {.type = type, .code = code, .value = value};
    if (write(device, &event, sizeof event) != sizeof event) {
        perror("uinput");
        exit(1);
    }
}

static void axis(int code, int most) {
    struct uinput_abs_setup setup = {.code = code, .absinfo = {.maximum = most}};
    if (ioctl(device, UI_ABS_SETUP, &setup)) {
        perror("axis");
        exit(1);
    }
}

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "usage: finger WIDTH HEIGHT\n");
        return 2;
    }
    device = open("/dev/uinput", O_WRONLY);
    if (device < 0) {
        perror("/dev/uinput");
        return 1;
    }
    int width = atoi(words[1]), height = atoi(words[2]);
    struct uinput_setup setup = {.id = {.bustype = BUS_VIRTUAL}, .name = "Test touchscreen"};
    ioctl(device, UI_SET_EVBIT, EV_KEY);
    ioctl(device, UI_SET_EVBIT, EV_ABS);
    ioctl(device, UI_SET_KEYBIT, BTN_TOUCH);
    ioctl(device, UI_SET_PROPBIT, INPUT_PROP_DIRECT);
    axis(ABS_X, width - 1);
    axis(ABS_Y, height - 1);
    axis(ABS_MT_SLOT, SLOTS - 1);
    axis(ABS_MT_TRACKING_ID, 65535);
    axis(ABS_MT_POSITION_X, width - 1);
    axis(ABS_MT_POSITION_Y, height - 1);
    if (ioctl(device, UI_DEV_SETUP, &setup) || ioctl(device, UI_DEV_CREATE)) {
        perror("touchscreen");
        return 1;
    }
    puts("plugged in");
    fflush(stdout);
    char line[100], what[10];
    int slot, x, y, touching = 0, first = -1, number = 0;
    while (fgets(line, sizeof line, stdin)) {
        int read = sscanf(line, "%9s %d %d %d", what, &slot, &x, &y);
        int is_up = read == 2 && !strcmp(what, "up"), is_down = read == 4 && !strcmp(what, "down");
        if (slot < 0 || slot >= SLOTS || !(is_up || is_down || (read == 4 && !strcmp(what, "move")))) {
            fprintf(stderr, "not understood: %s", line);
            return 2;
        }
        say(EV_ABS, ABS_MT_SLOT, slot);
        if (is_up || is_down) say(EV_ABS, ABS_MT_TRACKING_ID, is_up ? -1 : number++);
        if (!is_up) {
            say(EV_ABS, ABS_MT_POSITION_X, x);
            say(EV_ABS, ABS_MT_POSITION_Y, y);
        }
        if (is_down && !touching++) first = slot;
        if (is_down && touching == 1) say(EV_KEY, BTN_TOUCH, 1);
        if (!is_up && slot == first) {
            say(EV_ABS, ABS_X, x);
            say(EV_ABS, ABS_Y, y);
        }
        if (is_up && !--touching) say(EV_KEY, BTN_TOUCH, 0);
        say(EV_SYN, SYN_REPORT, 0);
        printf("%s", line);
        fflush(stdout);
    }
    return 0;
}
