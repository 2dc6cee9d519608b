package main

import (
	"bufio"
	"net"
	"strings"
	"testing"
)

// replies returns a connection on which the server says text to the first request and closes.
func replies(t *testing.T, text string) *conn {
	t.Helper()
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		buf := make([]byte, 1024)
		if _, err := theirs.Read(buf); err != nil {
			t.Error(err)
		}
		_, _ = theirs.Write([]byte(text)) // a client that has seen enough does not read on
		_ = theirs.Close()
	}()
	t.Cleanup(func() { _ = ours.Close(); <-served })
	return &conn{net: ours, r: bufio.NewReader(ours)}
}

func TestRepliesAreRead(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text string
		status     int
		body, err  string
	}{
		{"with a length", "HTTP/1.1 201 Created\r\nContent-Type: x\r\ncontent-length: 5\r\n\r\nhello", 201, "hello", ""},
		{"without a body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", ""},
		{"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 200, "hello", ""},
		{"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 0, "", "receiving: "},
		{"cut off in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", 0, "", "receiving: "},
		{"too long", "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", 0, "", "too long"},
		{"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, "", "no length"},
		{"not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", 0, "", "no HTTP/1.1 status line"},
		{"a status that is none", "HTTP/1.1 abc OK\r\n\r\n", 0, "", "no HTTP/1.1 status line"},
		{"one that ends the connection", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 0, "", "closes the connection"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, body, err := replies(t, tc.text).do([]byte("GET / HTTP/1.1\r\n\r\n"))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error = %v, want one that says %q", err, tc.err)
				}
				return
			}
			if err != nil || status != tc.status || string(body) != tc.body {
				t.Errorf("reply = %d %q, %v, want %d %q", status, body, err, tc.status, tc.body)
			}
		})
	}
}
