/* Opens the page's port for nginx and becomes nginx, with the same arguments.
 *
 * A viewer who vanishes - a cable pulled, a laptop asleep - sends nothing any more, and by itself the kernel gives its
 * connection up only after a quarter of an hour. TCP_USER_TIMEOUT makes that half a minute. nginx has no directive for it, but
 * on Linux a connection takes it over from the socket that accepted it, and nginx takes over sockets that the environment
 * variable NGINX names, as it does when its own program is replaced while it runs.
 *
 * Installed as `nginx` in a folder that is looked in before nginx's own, so that the image's entry point starts it.
 * LOGSTREAM_PAGE_LISTEN: a port, or an IPv4 address and a port, as nginx's directive `listen` has it.
 *
 * What it can't do it says, and leaves to nginx: the page then works, and forgets vanished viewers later.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char PROGRAM[] = "/usr/sbin/nginx";

enum { TIMEOUT_MS = 30000, BACKLOG = 511, FIRST_FREE = 64 };

static int read_address(const char *text, struct sockaddr_in *address) {
    char host[INET_ADDRSTRLEN] = "0.0.0.0";
    const char *colon = strrchr(text, ':');
    const char *port_text = colon ? colon + 1 : text;
    if (colon) {
        size_t length = (size_t)(colon - text);
        if (length >= sizeof host) return -1;
        memcpy(host, text, length);
        host[length] = '\0';
    }
    char *end;
    long port = strtol(port_text, &end, 10);
    if (end == port_text || *end || port < 1 || port > 65535) return -1;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons((unsigned short)port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1 ? 0 : -1;
}

/* The number of the open socket, which outlives exec and is none that a shell uses; -1: errno says why not. */
static int open_socket(const struct sockaddr_in *address) {
    int on = 1, timeout_ms = TIMEOUT_MS;
    /* nginx does not ask of a socket that it takes over whether it blocks, and several workers are told of one connection. */
    int opened = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0) return -1;
    if (setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(opened, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms) < 0 ||
        bind(opened, (const struct sockaddr *)address, sizeof *address) < 0 || listen(opened, BACKLOG) < 0)
        return -1;
    return fcntl(opened, F_DUPFD, FIRST_FREE);
}

int main(int count, char **arguments) {
    const char *wanted = getenv("LOGSTREAM_PAGE_LISTEN");
    struct sockaddr_in address;
    (void)count;
    if (!wanted || read_address(wanted, &address) < 0) {
        fprintf(stderr, "listener: LOGSTREAM_PAGE_LISTEN=%s: expected a port or an IPv4 address and a port; vanished viewers "
                        "will be noticed late\n", wanted ? wanted : "");
    } else {
        int opened = open_socket(&address);
        if (opened < 0) {
            fprintf(stderr, "listener: %s: %s; vanished viewers will be noticed late\n", wanted, strerror(errno));
        } else {
            char named[16];
            snprintf(named, sizeof named, "%d;", opened);
            setenv("NGINX", named, 1);
        }
    }
    execv(PROGRAM, arguments);
    fprintf(stderr, "listener: %s: %s\n", PROGRAM, strerror(errno));
    return 127;
}
