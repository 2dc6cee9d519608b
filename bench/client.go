package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// maxReply is the most that a reply's body may have, unless a conn says otherwise.
const maxReply = 1 << 20

// replyTimeout is how long a reply may take before the benchmark gives up.
const replyTimeout = 30 * time.Second

// conn is one kept-alive HTTP/1.1 connection. It does little, so that what is measured is
// the server: on a small machine, net/http's client would take as much time as the servers do.
type conn struct {
	net  net.Conn
	r    *bufio.Reader
	body bytes.Buffer
	most int64 // bytes of a reply's body; 0: maxReply
}

func dial(ctx context.Context, addr string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to the server: %w", err)
	}
	return &conn{net: c, r: bufio.NewReaderSize(c, 8<<10)}, nil
}

func (c *conn) close() error { return c.net.Close() }

// do sends a request, whole with its head, and returns the status and body of the reply. The
// body is valid until the next do.
func (c *conn) do(request []byte) (status int, body []byte, err error) {
	if err = c.net.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return 0, nil, err
	}
	if _, err = c.net.Write(request); err != nil {
		return 0, nil, fmt.Errorf("sending: %w", err)
	}
	if status, err = c.readReply(); err != nil {
		return 0, nil, fmt.Errorf("receiving: %w", err)
	}
	return status, c.body.Bytes(), nil
}

// ask sends a request, checks the reply, and returns its body, as do does, and how long it took to come.
func (c *conn) ask(r request) (body []byte, took time.Duration, err error) {
	start := time.Now()
	status, body, err := c.do(r.wire)
	took = time.Since(start)
	if err == nil {
		err = r.check(status, body)
	}
	return body, took, err
}

func (c *conn) readReply() (int, error) {
	line, err := c.readLine()
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("%q is no HTTP/1.1 status line", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, fmt.Errorf("%q is no HTTP/1.1 status line", line)
	}
	length, err := c.readHead()
	if err != nil {
		return 0, err
	}
	c.body.Reset()
	most := c.most
	if most == 0 {
		most = maxReply
	}
	switch {
	case length == chunked:
		var n int64
		n, err = c.body.ReadFrom(io.LimitReader(httputil.NewChunkedReader(c.r), most+1))
		if err == nil && n > most {
			err = errors.New("the reply's body is too long")
		}
		if err == nil {
			_, err = c.readLine() // the empty line after the last chunk
		}
	case length > most:
		err = errors.New("the reply's body is too long")
	default:
		_, err = io.CopyN(&c.body, c.r, length)
	}
	return status, err
}

// chunked stands for the length of a body that has none.
const chunked = -1

// readHead reads the header fields and returns the body's length.
func (c *conn) readHead() (int64, error) {
	var length int64
	for {
		line, err := c.readLine()
		if err != nil {
			return 0, err
		}
		if len(line) == 0 {
			return length, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil || length < 0 {
				return 0, fmt.Errorf("%q is no length", value)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = chunked
		case bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close")):
			return 0, errors.New("the server closes the connection")
		}
	}
}

func (c *conn) readLine() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
