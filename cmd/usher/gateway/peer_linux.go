package gateway

import (
	"errors"
	"net"
	"os/user"
	"strconv"
	"syscall"

	"github.com/usher-scim/usher/admin"
)

// peer asks the system who is at the other end of a unix socket (SO_PEERCRED, unix(7)).
func peer(c net.Conn) admin.Peer {
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return admin.Peer{Err: errors.New("not a unix socket")}
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return admin.Peer{Err: err}
	}
	var cred *syscall.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) {
		cred, asked = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil || asked != nil {
		return admin.Peer{Err: errors.Join(err, asked)}
	}
	p := admin.Peer{UID: strconv.FormatUint(uint64(cred.Uid), 10)}
	if u, err := user.LookupId(p.UID); err == nil {
		p.Name = u.Username
	}
	return p
}
