/* Opens the page's port for nginx and becomes nginx, with the same arguments.
 *
 * A viewer that vanishes (a cable is pulled, a laptop goes to sleep) sends nothing more, and by default the kernel gives up its
 * connection only after a quarter of an hour. TCP_USER_TIMEOUT reduces that to half a minute. nginx has no directive for it, but
 * on Linux a connection inherits it from the listening socket, and nginx takes over the sockets that the environment variable
 * NGINX names, as it does when its program is replaced while it runs.
 *
 * Installed as `nginx` in a folder that comes before nginx's own in PATH, so that the image's entry point starts it.
 * LOGSTREAM_PAGE_LISTEN: a port, or an IPv4 address and a port, as in nginx's directive `listen`.
 *
 * If it fails, it logs why and nginx opens the port itself: the page works, but forgets vanished viewers later.
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

/* Returns the file descriptor of the socket, which stays open across exec and which no shell uses; -1 on failure, see errno. */
static int open_socket(const struct sockaddr_in *address) {
    int on = 1, timeout_ms = TIMEOUT_MS;
    /* Non-blocking, because nginx does not check this for a socket that it takes over, and a connection wakes several workers. */
    int opened = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0) return -1;
    if (setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(opened, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms) < 0 ||
        bind(opened, (const struct sockaddr *)address, sizeof *address) < 0 || listen(opened, BACKLOG) < 0)
        return -1;
    return fcntl(opened, F_DUPFD, FIRST_FREE);
}

int main(int count, char **arguments) {
    const char *listen_text = getenv("LOGSTREAM_PAGE_LISTEN");
    struct sockaddr_in address;
    (void)count;
    if (!listen_text || read_address(listen_text, &address) < 0) {
        fprintf(stderr, "listener: LOGSTREAM_PAGE_LISTEN=%s: expected a port or an IPv4 address and a port; vanished viewers "
                        "will be noticed late\n", listen_text ? listen_text : "");
    } else {
        int opened = open_socket(&address);
        if (opened < 0) {
            fprintf(stderr, "listener: %s: %s; vanished viewers will be noticed late\n", listen_text, strerror(errno));
        } else {
            char nginx_variable[16];
            snprintf(nginx_variable, sizeof nginx_variable, "%d;", opened);
            setenv("NGINX", nginx_variable, 1);
        }
    }
    execv(PROGRAM, arguments);
    fprintf(stderr, "listener: %s: %s\n", PROGRAM, strerror(errno));
    return 127;
}
