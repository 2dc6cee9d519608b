package scim

import (
	"bufio"
	"net/http"
)

// stream writes a response piece by piece. The status goes out with the first full buffer, so that a failure before that is
// still answered as one.
type stream struct {
	x      *exchange
	status int
	out    *bufio.Writer
	err    error
}

// streamBuffer is how much is gathered before anything is sent.
const streamBuffer = 16 << 10

func (x *exchange) stream(status int) *stream {
	s := &stream{x: x, status: status}
	s.out = bufio.NewWriterSize(s, streamBuffer)
	return s
}

// Write sends what the buffer gathered.
func (s *stream) Write(b []byte) (int, error) {
	if s.x.w.status == 0 {
		s.x.w.WriteHeader(s.status)
	}
	return s.x.w.Write(b)
}

func (s *stream) write(b []byte) {
	if s.err == nil {
		_, s.err = s.out.Write(b)
	}
}

// flush sends the rest. A client that has gone away is no failure of ours: the connection is cut.
func (s *stream) flush() error {
	if s.err == nil {
		s.err = s.out.Flush()
	}
	if s.err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
