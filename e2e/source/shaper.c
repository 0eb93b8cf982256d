/* A link with delay, loss and a narrow place, for kernels without netem.
 *
 *   shaper SEED NEAR FAR
 *
 * makes a point-to-point link between the network namespace it is started in and a new one. Here the link is
 * an interface `weir-link0` (or 1, …) with the IPv4 address NEAR; in the new namespace it is `eth0` with the
 * address FAR and the default route. The namespace has no name: it lives as long as this process and those that entered it
 * by /proc/PID/ns/net. The process ends with its parent, or when standard input ends, and the kernel then
 * removes both interfaces: there is nothing to clean up, whoever crashed. Needs root and /dev/net/tun.
 *
 * Standard input takes lines, and each gets one line of JSON on standard output; the first, with the link up,
 * comes unasked. A line is `stats`, or a direction (`down`: towards the new namespace, `up`, or `both`) with
 * what shall change. What is not said stays. All is off at the start.
 *
 *   delay=MS          added to each packet
 *   jitter=MS         added on top, evenly from 0 to this; packets stay in order
 *   loss=PERCENT      of packets, each for itself
 *   burst=ENTER,LEAVE Gilbert's model: percent chance a packet that the link goes bad, and good again; all
 *                     packets of the bad state are lost (Gilbert 1960); `0,0` is off
 *   reorder=PERCENT,MS so many packets are held back so much longer, and those behind overtake them
 *   rate=KBIT         thousands of bits of IP packets a second; 0 is without limit
 *   queue=MS          longest wait at the narrow place before arriving packets are dropped
 *
 * The same seed gives the same losses for the same sequence of packets; each direction has its own sequence. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_tun.h>

/* Whole IP packets on the link; Ethernet's usual limit. */
enum { MTU = 1500 };
/* Packets that a direction holds at most, at the narrow place and in flight together: half a second of
 * 100 Mbit/s. Beyond it, arriving packets are dropped and counted as `overflow`. */
enum { CAPACITY = 4096 };
enum { LINE = 512 };
enum { FAR_SIDE, NEAR_SIDE };

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

static void die(const char *what) {
    fprintf(stderr, "shaper: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct packet {
    int64_t arrived, release;
    uint64_t order;
    int size;
    uint8_t data[MTU];
};

struct direction {
    const char *name;
    int from, to;
    double delay_ms, jitter_ms, loss, enter_bad, leave_bad, reorder, reorder_ms, rate_kbit, queue_ms;
    bool bad;
    uint64_t random;
    /* The narrow place: a ring, oldest first. `sent_until` is when the line is free again. */
    struct packet *line[CAPACITY];
    int first, waiting;
    int64_t waiting_bytes, sent_until;
    /* In flight: a heap by release time. */
    struct packet *flight[CAPACITY];
    int flying;
    uint64_t order;
    int64_t last_release;
    uint64_t packets, bytes, delivered, delivered_bytes, lost, queue_drops, overflow, reordered;
};

static struct packet *unused[2 * CAPACITY];
static int unused_count;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* From 0 up to but not including 1. Vigna's splitmix64. */
static double chance(struct direction *way) {
    uint64_t z = way->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / (double)(UINT64_C(1) << 53);
}

static bool earlier(const struct packet *a, const struct packet *b) {
    return a->release != b->release ? a->release < b->release : a->order < b->order;
}

static void into_flight(struct direction *way, struct packet *packet) {
    int at = way->flying++;
    for (int above; at > 0 && earlier(packet, way->flight[above = (at - 1) / 2]); at = above)
        way->flight[at] = way->flight[above];
    way->flight[at] = packet;
}

static struct packet *out_of_flight(struct direction *way) {
    struct packet *landed = way->flight[0], *last = way->flight[--way->flying];
    int at = 0;
    for (int below; (below = 2 * at + 1) < way->flying; at = below) {
        if (below + 1 < way->flying && earlier(way->flight[below + 1], way->flight[below])) below++;
        if (!earlier(way->flight[below], last)) break;
        way->flight[at] = way->flight[below];
    }
    way->flight[at] = last;
    return landed;
}

static void discard(struct packet *packet) { unused[unused_count++] = packet; }

static int64_t time_on_line(const struct direction *way, int64_t bytes) {
    return way->rate_kbit > 0 ? (int64_t)((double)bytes * 8 * NS_PER_MS / way->rate_kbit) : 0;
}

/* A packet has passed the narrow place: it may be lost behind it, or is on its way. */
static void depart(struct direction *way, struct packet *packet, int64_t at) {
    if (way->enter_bad > 0) {
        double turn = 100 * chance(way);
        way->bad = way->bad ? turn >= way->leave_bad : turn < way->enter_bad;
    } else {
        way->bad = false;
    }
    /* Drawn whether it matters or not, so that a parameter does not shift what follows. */
    bool unlucky = 100 * chance(way) < way->loss, held = 100 * chance(way) < way->reorder;
    double jitter = chance(way) * way->jitter_ms;
    if (way->bad || unlucky) {
        way->lost++;
        discard(packet);
        return;
    }
    packet->release = at + (int64_t)((way->delay_ms + jitter) * NS_PER_MS);
    if (packet->release < way->last_release) packet->release = way->last_release;
    if (held) {
        packet->release += (int64_t)(way->reorder_ms * NS_PER_MS);
        way->reordered++;
    } else {
        way->last_release = packet->release;
    }
    packet->order = way->order++;
    into_flight(way, packet);
}

static void arrive(struct direction *way, int64_t now) {
    /* Bounded, so that the other direction and the clock get their turn. */
    for (int turn = 0; turn < 64; turn++) {
        static uint8_t scratch[MTU + 1];
        ssize_t size = read(way->from, scratch, sizeof scratch);
        if (size < 0) {
            if (errno == EAGAIN || errno == EINTR) return;
            die("read from the link");
        }
        if (size == 0 || size > MTU) continue;
        way->packets++;
        way->bytes += (uint64_t)size;
        if (way->waiting + way->flying == CAPACITY) {
            way->overflow++;
            continue;
        }
        int64_t busy = way->sent_until > now ? way->sent_until - now : 0;
        if (way->rate_kbit > 0 && busy + time_on_line(way, way->waiting_bytes) > (int64_t)(way->queue_ms * NS_PER_MS)) {
            way->queue_drops++;
            continue;
        }
        struct packet *packet = unused[--unused_count];
        packet->arrived = now;
        packet->size = (int)size;
        memcpy(packet->data, scratch, (size_t)size);
        way->line[(way->first + way->waiting++) % CAPACITY] = packet;
        way->waiting_bytes += size;
    }
}

/* Moves what is due and tells when to come again. */
static int64_t advance(struct direction *way, int64_t now) {
    /* A packet takes its time on the line from when the line is free and it is there, at the rate of then. */
    while (way->waiting > 0) {
        struct packet *packet = way->line[way->first];
        int64_t begin = way->sent_until > packet->arrived ? way->sent_until : packet->arrived;
        if (begin > now) break;
        way->first = (way->first + 1) % CAPACITY;
        way->waiting--;
        way->waiting_bytes -= packet->size;
        way->sent_until = begin + time_on_line(way, packet->size);
        depart(way, packet, way->sent_until);
    }
    while (way->flying > 0 && way->flight[0]->release <= now) {
        struct packet *packet = out_of_flight(way);
        /* A full device queue at the other end loses it, as a network card's would. */
        if (write(way->to, packet->data, (size_t)packet->size) == packet->size) {
            way->delivered++;
            way->delivered_bytes += (uint64_t)packet->size;
        } else {
            way->overflow++;
        }
        discard(packet);
    }
    int64_t next = INT64_MAX;
    if (way->flying > 0) next = way->flight[0]->release;
    if (way->waiting > 0 && way->sent_until < next) next = way->sent_until;
    return next;
}

static void print_direction(const struct direction *way) {
    printf("\"%s\":{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"deliveredBytes\":%" PRIu64
           ",\"lost\":%" PRIu64 ",\"queueDrops\":%" PRIu64 ",\"overflow\":%" PRIu64 ",\"reordered\":%" PRIu64
           ",\"waiting\":%d,\"waitingBytes\":%" PRId64 "}",
           way->name, way->packets, way->bytes, way->delivered, way->delivered_bytes, way->lost, way->queue_drops,
           way->overflow, way->reordered, way->waiting, way->waiting_bytes);
}

static void print_stats(const struct direction *ways) {
    printf("{\"pid\":%d,", (int)getpid());
    print_direction(&ways[FAR_SIDE]);
    printf(",");
    print_direction(&ways[NEAR_SIDE]);
    printf("}\n");
    fflush(stdout);
}

/* Numbers after the equals sign: one, or two with a comma. Only sensible ones. */
static bool numbers(const char *text, int count, double most, double *first, double *second) {
    char *end;
    double a = strtod(text, &end), b = 0;
    if (end == text) return false;
    if (count == 2) {
        if (*end != ',') return false;
        text = end + 1;
        b = strtod(text, &end);
        if (end == text) return false;
    }
    if (*end != 0 || !(a >= 0 && a <= most) || !(b >= 0 && b <= 60000)) return false;
    *first = a;
    if (count == 2) *second = b;
    return true;
}

static bool set(struct direction *way, const char *word) {
    const char *value = strchr(word, '=');
    if (value == NULL) return false;
    size_t length = (size_t)(value++ - word);
    struct {
        const char *name;
        int count;
        double most, *first, *second;
    } settings[] = {
        {"delay", 1, 60000, &way->delay_ms, NULL},
        {"jitter", 1, 60000, &way->jitter_ms, NULL},
        {"loss", 1, 100, &way->loss, NULL},
        {"burst", 2, 100, &way->enter_bad, &way->leave_bad},
        {"reorder", 2, 100, &way->reorder, &way->reorder_ms},
        {"rate", 1, 1e7, &way->rate_kbit, NULL},
        {"queue", 1, 60000, &way->queue_ms, NULL},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strlen(settings[i].name) != length || strncmp(settings[i].name, word, length) != 0) continue;
        return numbers(value, settings[i].count, settings[i].most, settings[i].first, settings[i].second);
    }
    return false;
}

static void obey(struct direction *ways, char *line) {
    char *word = strtok(line, " \t\r");
    if (word == NULL || strcmp(word, "stats") == 0) {
        print_stats(ways);
        return;
    }
    bool both = strcmp(word, "both") == 0;
    struct direction after[2];
    bool known = both;
    for (int i = 0; i < 2; i++) known |= strcmp(word, ways[i].name) == 0;
    const char *wrong = known ? NULL : word, *direction = word;
    /* Packets are in the rings by address, so a copy can be thrown away when a word is wrong. */
    memcpy(after, ways, sizeof after);
    while (wrong == NULL && (word = strtok(NULL, " \t\r")) != NULL) {
        for (int i = 0; i < 2 && wrong == NULL; i++) {
            if ((both || strcmp(direction, ways[i].name) == 0) && !set(&after[i], word)) wrong = word;
        }
    }
    if (wrong != NULL) {
        printf("{\"error\":\"not understood\"}\n");
        fprintf(stderr, "shaper: not understood: %s\n", wrong);
        fflush(stdout);
        return;
    }
    memcpy(ways, after, sizeof after);
    print_stats(ways);
}

/* Where the name has `%d`, the kernel takes a free number and the name is completed. */
static int open_tun(char name[IFNAMSIZ]) {
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (tun < 0) die("/dev/net/tun");
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
    if (ioctl(tun, TUNSETIFF, &request) < 0) die("TUNSETIFF");
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return tun;
}

static struct sockaddr_in ipv4(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        errno = EINVAL;
        die(text);
    }
    return address;
}

static void ask(int control, unsigned long what, struct ifreq *request, const char *name) {
    if (ioctl(control, what, request) < 0) die(name);
}

/* Address, peer and state of an interface of the namespace of `control`. */
static void configure(int control, const char *name, const char *own, const char *peer) {
    struct ifreq request = {0};
    snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
    if (own != NULL) {
        struct sockaddr_in address = ipv4(own);
        memcpy(&request.ifr_addr, &address, sizeof address);
        ask(control, SIOCSIFADDR, &request, "SIOCSIFADDR");
        address = ipv4(peer);
        memcpy(&request.ifr_dstaddr, &address, sizeof address);
        ask(control, SIOCSIFDSTADDR, &request, "SIOCSIFDSTADDR");
        address = ipv4("255.255.255.255");
        memcpy(&request.ifr_netmask, &address, sizeof address);
        ask(control, SIOCSIFNETMASK, &request, "SIOCSIFNETMASK");
        request.ifr_mtu = MTU;
        ask(control, SIOCSIFMTU, &request, "SIOCSIFMTU");
    }
    ask(control, SIOCGIFFLAGS, &request, "SIOCGIFFLAGS");
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    ask(control, SIOCSIFFLAGS, &request, "SIOCSIFFLAGS");
}

static void default_route(int control, const char *name) {
    struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = (char *)name};
    struct sockaddr_in any = ipv4("0.0.0.0");
    memcpy(&route.rt_dst, &any, sizeof any);
    memcpy(&route.rt_genmask, &any, sizeof any);
    if (ioctl(control, SIOCADDRT, &route) < 0) die("SIOCADDRT");
}

/* Keeps IPv6's own chatter off the link; a kernel without IPv6 has no such file. */
static void without_ipv6(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    if (write(file, "1", 1) < 0) fprintf(stderr, "shaper: %s: %s\n", path, strerror(errno));
    close(file);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: shaper SEED NEAR FAR\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    static struct direction ways[2];
    uint64_t seed = strtoull(argv[1], NULL, 10);
    for (int i = 0; i < 2; i++) ways[i] = (struct direction){.queue_ms = 200, .random = seed * 2 + (uint64_t)i};
    ways[FAR_SIDE].name = "down";
    ways[NEAR_SIDE].name = "up";
    for (unused_count = 0; unused_count < 2 * CAPACITY; unused_count++)
        if (!(unused[unused_count] = malloc(sizeof(struct packet)))) die("malloc");

    const char *near_address = argv[2], *far_address = argv[3];
    char near_name[IFNAMSIZ] = "weir-link%d", far_name[IFNAMSIZ] = "eth0";
    int near_side = open_tun(near_name), control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) die("socket");
    without_ipv6(near_name);
    configure(control, near_name, near_address, far_address);
    close(control);

    if (unshare(CLONE_NEWNET) < 0) die("a new network namespace");
    int far_side = open_tun(far_name);
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) die("socket");
    without_ipv6(far_name);
    configure(control, "lo", NULL, NULL);
    configure(control, far_name, far_address, near_address);
    default_route(control, far_name);
    close(control);

    ways[FAR_SIDE].from = ways[NEAR_SIDE].to = near_side;
    ways[FAR_SIDE].to = ways[NEAR_SIDE].from = far_side;
    print_stats(ways);

    char line[LINE];
    size_t length = 0;
    for (;;) {
        int64_t now = now_ns(), next = INT64_MAX;
        for (int i = 0; i < 2; i++) {
            arrive(&ways[i], now);
            int64_t due = advance(&ways[i], now);
            if (due < next) next = due;
        }
        int64_t wait = next == INT64_MAX ? NS_PER_S : next - now_ns();
        if (wait < 0) wait = 0;
        struct timespec timeout = {wait / NS_PER_S, wait % NS_PER_S};
        struct pollfd ready[] = {{near_side, POLLIN, 0}, {far_side, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        if (ppoll(ready, 3, &timeout, NULL) < 0 && errno != EINTR) die("ppoll");
        if (ready[2].revents == 0) continue;
        ssize_t got = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
        if (got == 0) return 0;
        if (got < 0) {
            if (errno == EINTR || errno == EAGAIN) continue;
            die("read commands");
        }
        length += (size_t)got;
        line[length] = 0;
        for (char *end; (end = memchr(line, '\n', length)) != NULL;) {
            *end++ = 0;
            obey(ways, line);
            length -= (size_t)(end - line);
            memmove(line, end, length + 1);
        }
        if (length == sizeof line - 1) {
            fprintf(stderr, "shaper: a line is longer than %d characters\n", LINE - 2);
            return 2;
        }
    }
}
