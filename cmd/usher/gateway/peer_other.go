//go:build !linux

package gateway

import (
	"errors"
	"net"

	"github.com/usher-scim/usher/admin"
)

// peer cannot tell here who is at the other end of a socket.
func peer(net.Conn) admin.Peer {
	return admin.Peer{Err: errors.New("this system is not asked who is at the other end of a socket")}
}
