package scim

import "net/http"

// stream writes a response piece by piece. What fits into the buffer goes out whole, with its length. Of a larger one the status
// goes out with the first full buffer, so that a failure before that is still answered as one.
type stream struct {
	x      *exchange
	status int
	buffer []byte
	err    error
}

// streamBuffer is how much is gathered before anything is sent, in bytes.
const streamBuffer = 16 << 10

func (x *exchange) stream(status int) *stream {
	return &stream{x: x, status: status, buffer: make([]byte, 0, 1<<10)}
}

func (s *stream) write(b []byte) {
	s.buffer = append(s.buffer, b...)
	s.spill()
}

// build lets a function append to what is gathered. Its error is returned.
func (s *stream) build(appendTo func(dst []byte) ([]byte, error)) error {
	built, err := appendTo(s.buffer)
	if err != nil {
		return err
	}
	s.buffer = built
	s.spill()
	return nil
}

// spill sends what was gathered, if it is enough.
func (s *stream) spill() {
	if len(s.buffer) < streamBuffer {
		return
	}
	if s.err == nil {
		if s.x.w.status == 0 {
			s.x.w.WriteHeader(s.status)
		}
		_, s.err = s.x.w.Write(s.buffer)
	}
	s.buffer = s.buffer[:0]
}

// flush sends the rest. A client that has gone away is no failure of ours: the connection is cut.
func (s *stream) flush() error {
	switch {
	case s.x.w.status == 0:
		s.x.send(s.status, s.buffer)
	case s.err == nil:
		_, s.err = s.x.w.Write(s.buffer)
	}
	if s.err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
