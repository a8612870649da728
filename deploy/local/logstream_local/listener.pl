# Opens the page's port for nginx with TCP_USER_TIMEOUT, which connections take over from it, and becomes nginx; see
# services/dashboard/listener/listener.c, which does this in the image. Perl is what the root has anyway.
# usage: listener.pl ADDRESS PORT PROGRAM [ARGUMENT...]
use strict;
use warnings;
use Socket qw(AF_INET SOCK_STREAM SOCK_NONBLOCK SOL_SOCKET SO_REUSEADDR IPPROTO_TCP inet_aton pack_sockaddr_in);

use constant { TCP_USER_TIMEOUT => 18, TIMEOUT_MS => 30_000, BACKLOG => 511 };

my ( $address, $port, @command ) = @ARGV;
# What is opened outlives exec.
$^F = 255;
socket( my $opened, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0 ) or die "socket: $!\n";
setsockopt( $opened, SOL_SOCKET, SO_REUSEADDR, 1 ) or die "SO_REUSEADDR: $!\n";
setsockopt( $opened, IPPROTO_TCP, TCP_USER_TIMEOUT, pack( "I", TIMEOUT_MS ) ) or die "TCP_USER_TIMEOUT: $!\n";
bind( $opened, pack_sockaddr_in( $port, inet_aton($address) ) ) or die "$address:$port: $!\n";
listen( $opened, BACKLOG ) or die "listen: $!\n";
$ENV{NGINX} = fileno($opened) . ";";
exec { $command[0] } @command or die "$command[0]: $!\n";
