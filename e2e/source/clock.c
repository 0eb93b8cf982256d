/* Draws the wall clock into raw video, with a flash and a beep at the same media time each second,
 * and feeds both to an encoder.
 *
 *   clock WIDTH HEIGHT FPS COMMAND…
 *
 * starts COMMAND with planar 4:2:0 frames on its file descriptor 3 and stereo signed 16-bit 48 kHz
 * sound on 4, and ends when it does. Our own descriptor 3 gets a first line `pid N`, the command's,
 * and then a line per frame: its number and the clock drawn into it, in milliseconds since the Unix
 * epoch. Standard error gets a line for each frame drawn more than LATE_MS after its time, and its
 * drawing is what follows the schedule, so no frame is ever left out: a starved source makes
 * every figure wrong, and the tests look at those lines.
 *
 * The picture, as the reader (lib/reader.ts) and the browser's source (lib/publisher.ts) know it:
 * a raster of 16 by 16 cells. Columns 2 to 13 of rows 1 to 4 are 48 cells, row by row: a guard of
 * 1 0 1 0, the clock's low 32 bits (most significant first), their CRC-8 (polynomial 0x07), a guard of
 * 0 1 0 1. Columns 11 to 14 of rows 10 to 13 flash white for 3 frames at each whole second of media
 * time; a 1 kHz beep of 100 ms begins with the first of them. The rest scrolls, so that the encoder has work. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMAND_VIDEO_FD = 3, COMMAND_AUDIO_FD = 4, LOG_FD = 3 };
enum { RATE = 48000, CHANNELS = 2, BEEP_HZ = 1000, BEEP_SAMPLES = RATE / 10, LATE_MS = 15 };
enum { BLOCK_MS = 10, BLOCK_SAMPLES = RATE / 1000 * BLOCK_MS };
enum { RASTER = 16, COLUMNS = 12, FIRST_COLUMN = 2, FIRST_ROW = 1, CELLS = 48, FLASH_FRAMES = 3 };
enum { DARK = 24, BRIGHT = 225 };

static void die(const char *what) {
    fprintf(stderr, "clock: %s: %s\n", what, strerror(errno));
    exit(1);
}

static pid_t encoder;

/* The reader's end closes when the encoder stops or is killed: that is the end, not an error. */
static void finish(void) {
    int status = 0;
    waitpid(encoder, &status, 0);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* False when nobody reads any more. */
static bool put(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0) {
            if (errno == EINTR) continue;
            if (errno == EPIPE) return false;
            die("write");
        }
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static int64_t now_us(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wait_until(int64_t monotonic_us) {
    struct timespec at = {monotonic_us / 1000000, (monotonic_us % 1000000) * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {}
}

static uint8_t crc8(uint32_t value) {
    uint8_t crc = 0;
    for (int byte = 3; byte >= 0; byte--) {
        crc ^= (uint8_t)(value >> (8 * byte));
        for (int bit = 0; bit < 8; bit++) crc = (uint8_t)((crc & 0x80) ? (crc << 1) ^ 0x07 : crc << 1);
    }
    return crc;
}

static int width, height;

/* Fills the cells from (column, row) up to but not including (column_end, row_end). */
static void fill(uint8_t *luma, int column, int row, int column_end, int row_end, uint8_t value) {
    int left = width * column / RASTER, right = width * column_end / RASTER;
    int top = height * row / RASTER, bottom = height * row_end / RASTER;
    for (int y = top; y < bottom; y++) memset(luma + (size_t)y * (size_t)width + left, value, (size_t)(right - left));
}

static void draw_clock(uint8_t *luma, uint32_t value) {
    uint64_t bits = ((uint64_t)0xA << 44) | ((uint64_t)value << 12) | ((uint64_t)crc8(value) << 4) | 0x5;
    for (int cell = 0; cell < CELLS; cell++) {
        int column = FIRST_COLUMN + cell % COLUMNS, row = FIRST_ROW + cell / COLUMNS;
        int bright = (bits >> (CELLS - 1 - cell)) & 1;
        fill(luma, column, row, column + 1, row + 1, bright ? BRIGHT : DARK);
    }
}

/* Moves a descriptor out of the way of the numbers that the command is to find. */
static int high(int fd) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    if (moved < 0) die("dup");
    close(fd);
    return moved;
}

static void start_encoder(char **command, int *video, int *audio) {
    int video_pipe[2], audio_pipe[2];
    if (pipe(video_pipe) || pipe(audio_pipe)) die("pipe");
    for (int end = 0; end < 2; end++) {
        video_pipe[end] = high(video_pipe[end]);
        audio_pipe[end] = high(audio_pipe[end]);
    }
    encoder = fork();
    if (encoder < 0) die("fork");
    if (encoder == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_DFL);
        if (dup2(video_pipe[0], COMMAND_VIDEO_FD) < 0 || dup2(audio_pipe[0], COMMAND_AUDIO_FD) < 0) die("dup2");
        execvp(command[0], command);
        die(command[0]);
    }
    close(video_pipe[0]);
    close(audio_pipe[0]);
    *video = video_pipe[1];
    *audio = audio_pipe[1];
    /* Fewer system calls per frame; a refusal costs only time. */
    fcntl(*video, F_SETPIPE_SZ, 1 << 20);
}

struct sound {
    int fd;
    int64_t start;
};

/* Gives the sound of each BLOCK_MS when that time is over, as from a device. In a thread of its own: an FFmpeg that
 * ends reads no more pictures, and waits for the thread that reads the sound, which waits for the sound. */
static void *give_sound(void *argument) {
    const struct sound *to = argument;
    int16_t block[BLOCK_SAMPLES * CHANNELS];
    for (int64_t sounded = 0;; sounded++) {
        wait_until(to->start + (sounded + 1) * BLOCK_MS * 1000);
        for (int64_t i = 0; i < BLOCK_SAMPLES; i++) {
            int64_t in_second = (sounded * BLOCK_SAMPLES + i) % RATE;
            int16_t sample = 0;
            if (in_second < BEEP_SAMPLES) sample = (int16_t)(16000 * sin(2 * M_PI * BEEP_HZ * (double)in_second / RATE));
            for (int channel = 0; channel < CHANNELS; channel++) block[i * CHANNELS + channel] = sample;
        }
        if (!put(to->fd, (const uint8_t *)block, sizeof block)) return NULL;
    }
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: clock WIDTH HEIGHT FPS COMMAND...\n");
        return 2;
    }
    width = atoi(argv[1]);
    height = atoi(argv[2]);
    int fps = atoi(argv[3]);
    if (width < 160 || height < 90 || width % 2 || height % 2 || fps < 1) {
        fprintf(stderr, "clock: sizes must be even and at least 160 by 90, the rate at least 1\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);

    size_t luma_size = (size_t)width * (size_t)height, frame_size = luma_size * 3 / 2;
    uint8_t *texture = malloc(luma_size * 2), *frame = malloc(frame_size);
    if (!texture || !frame) die("malloc");

    /* A picture with edges, gradients and a little grain, twice as high as the frame. */
    uint32_t noise = 1;
    for (int y = 0; y < 2 * height; y++) {
        for (int x = 0; x < width; x++) {
            double wave = sin(x * 0.031) + sin(y * 2 * M_PI * 6 / height) + sin((x + 2 * y) * 0.013);
            noise = noise * 1664525u + 1013904223u;
            int edge = ((x / 97 + (y % height) / 61) & 1) ? 18 : -18;
            texture[(size_t)y * (size_t)width + (size_t)x] = (uint8_t)(118 + 22 * wave + edge + (int)(noise >> 30));
        }
    }
    for (size_t i = 0; i < luma_size / 4; i++) {
        frame[luma_size + i] = (uint8_t)(108 + 40 * (double)i / (double)(luma_size / 4));
        frame[luma_size + luma_size / 4 + i] = (uint8_t)(148 - 40 * (double)i / (double)(luma_size / 4));
    }

    int video, audio;
    start_encoder(argv + 4, &video, &audio);
    char line[64];
    if (!put(LOG_FD, (const uint8_t *)line, (size_t)snprintf(line, sizeof line, "pid %d\n", (int)encoder))) finish();

    int64_t start = now_us(CLOCK_MONOTONIC), late = 0;
    struct sound sound = {audio, start};
    pthread_t thread;
    errno = pthread_create(&thread, NULL, give_sound, &sound);
    if (errno) die("thread");
    for (int64_t n = 0;; n++) {
        int64_t due = start + n * 1000000 / fps;
        wait_until(due);
        memcpy(frame, texture + (size_t)((n * 2) % height) * (size_t)width, luma_size);
        fill(frame, 11, 10, 15, 14, n % fps < FLASH_FRAMES ? BRIGHT : DARK);

        int64_t lateness = (now_us(CLOCK_MONOTONIC) - due) / 1000;
        if (lateness > LATE_MS) fprintf(stderr, "late %" PRId64 " frames, this one by %" PRId64 " ms\n", ++late, lateness);
        int64_t drawn = now_us(CLOCK_REALTIME) / 1000;
        draw_clock(frame, (uint32_t)drawn);
        int length = snprintf(line, sizeof line, "%" PRId64 " %" PRId64 "\n", n, drawn);
        if (!put(LOG_FD, (const uint8_t *)line, (size_t)length) || !put(video, frame, frame_size)) finish();
    }
}
