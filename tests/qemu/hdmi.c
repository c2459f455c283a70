/* hdmi OUTPUT CAPTURE WIDTH HEIGHT FOURCC FILE: plays raw frames (back to back, over and over) into the kernel's virtual video
 * driver "vivid", whose capture device then shows them as an HDMI cable would: a frame grabber for the tests. Runs until killed.
 *
 * Linux, admin-guide/media/vivid.rst, "Video and Sink Loop". Both ends need the same timings and FOURCC; the loop is a control
 * of CAPTURE.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/v4l2-dv-timings.h>
#include <linux/videodev2.h>

#define BUFFERS 4

static void ask(int device, unsigned long request, void *argument, const char *what) {
    while (ioctl(device, request, argument))
        if (errno != EINTR) {
            perror(what);
            exit(1);
        }
}

static int opened(const char *path) {
    int device = open(path, O_RDWR);
    if (device < 0) {
        perror(path);
        exit(1);
    }
    return device;
}

/* The progressive timings of this size whose rate is nearest to 60 Hz. */
static struct v4l2_dv_timings timings(int device, unsigned width, unsigned height) {
    struct v4l2_dv_timings best = {0};
    double least = 1e9;
    struct v4l2_enum_dv_timings each = {0};
    for (; !ioctl(device, VIDIOC_ENUM_DV_TIMINGS, &each); each.index++) {
        struct v4l2_bt_timings *bt = &each.timings.bt;
        if (bt->width != width || bt->height != height || bt->interlaced) continue;
        double rate = bt->pixelclock / ((double)V4L2_DV_BT_FRAME_WIDTH(bt) * V4L2_DV_BT_FRAME_HEIGHT(bt));
        double off = rate > 60 ? rate - 60 : 60 - rate;
        if (off < least) {
            least = off;
            best = each.timings;
        }
    }
    if (least > 1e8) {
        fprintf(stderr, "no timings for %u x %u\n", width, height);
        exit(1);
    }
    return best;
}

static void control(int device, const char *name, int value) {
    struct v4l2_queryctrl query = {.id = V4L2_CTRL_FLAG_NEXT_CTRL};
    for (; !ioctl(device, VIDIOC_QUERYCTRL, &query); query.id |= V4L2_CTRL_FLAG_NEXT_CTRL) {
        if (strcmp((char *)query.name, name)) continue;
        struct v4l2_control set = {.id = query.id, .value = value};
        ask(device, VIDIOC_S_CTRL, &set, name);
        return;
    }
    fprintf(stderr, "no control named %s\n", name);
    exit(1);
}

int main(int count, char **words) {
    if (count != 7 || strlen(words[5]) != 4) {
        fprintf(stderr, "usage: hdmi OUTPUT CAPTURE WIDTH HEIGHT FOURCC FILE\n");
        return 2;
    }
    int output = opened(words[1]), capture = opened(words[2]), film = opened(words[6]);
    unsigned width = atoi(words[3]), height = atoi(words[4]);
    for (int end = 0; end < 2; end++) {
        int device = end ? capture : output;
        struct v4l2_dv_timings set = timings(device, width, height);
        ask(device, VIDIOC_S_DV_TIMINGS, &set, "timings");
    }
    control(capture, "Loop Video", 1);
    control(capture, "OSD Text Mode", 2);
    close(capture);

    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    ask(output, VIDIOC_G_FMT, &format, "format");
    format.fmt.pix.width = width;
    format.fmt.pix.height = height;
    memcpy(&format.fmt.pix.pixelformat, words[5], 4);
    format.fmt.pix.field = V4L2_FIELD_NONE;
    format.fmt.pix.bytesperline = format.fmt.pix.sizeimage = 0;
    ask(output, VIDIOC_S_FMT, &format, "format");
    size_t size = format.fmt.pix.sizeimage, length = lseek(film, 0, SEEK_END), frames = length / size;
    if (!frames) {
        fprintf(stderr, "%s is shorter than a frame of %zu bytes\n", words[6], size);
        return 1;
    }
    char *pictures = mmap(0, length, PROT_READ, MAP_PRIVATE, film, 0);
    struct v4l2_requestbuffers request = {.count = BUFFERS, .type = format.type, .memory = V4L2_MEMORY_MMAP};
    ask(output, VIDIOC_REQBUFS, &request, "buffers");
    char *buffers[32];
    size_t next = 0;
    for (unsigned i = 0; i < request.count && i < 32; i++) {
        struct v4l2_buffer buffer = {.type = format.type, .memory = V4L2_MEMORY_MMAP, .index = i};
        ask(output, VIDIOC_QUERYBUF, &buffer, "buffer");
        buffers[i] = mmap(0, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, output, buffer.m.offset);
        if (pictures == MAP_FAILED || buffers[i] == MAP_FAILED) {
            perror("mmap");
            return 1;
        }
        memcpy(buffers[i], pictures + size * (next++ % frames), size);
        buffer.bytesused = size;
        buffer.field = V4L2_FIELD_NONE;
        ask(output, VIDIOC_QBUF, &buffer, "buffer");
    }
    int type = format.type;
    ask(output, VIDIOC_STREAMON, &type, "start");
    puts("playing");
    fflush(stdout);
    for (;;) {
        struct v4l2_buffer buffer = {.type = format.type, .memory = V4L2_MEMORY_MMAP};
        ask(output, VIDIOC_DQBUF, &buffer, "buffer");
        memcpy(buffers[buffer.index], pictures + size * (next++ % frames), size);
        buffer.bytesused = size;
        buffer.field = V4L2_FIELD_NONE;
        ask(output, VIDIOC_QBUF, &buffer, "buffer");
    }
}
