package alerts

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/usher-scim/usher/secrets"
)

// mailServer is an SMTP server that takes one conversation.
type mailServer struct {
	startTLS bool   // offers STARTTLS
	implicit bool   // speaks TLS from the first byte
	auth     string // the mechanisms it offers
	refuse   string // a receiver that it does not know
	silent   bool   // says nothing at all
	chatty   bool   // never ends its greeting

	cert  tls.Certificate
	roots *x509.CertPool

	mu        sync.Mutex
	encrypted bool // when the mail came
	user      string
	password  string
	to        []string
	text      string
}

// serve starts the server and returns the channel that leads to it.
func (s *mailServer) serve(t *testing.T) *Email {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // its certificate is for 127.0.0.1
	lender.Close()
	s.cert, s.roots = lender.TLS.Certificates[0], x509.NewCertPool()
	s.roots.AddCert(lender.Certificate())
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.talk(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	e := &Email{
		Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, Security: NoTLS, From: "usher@acme.example", To: []string{"it@acme.example", "oncall@acme.example"},
		Roots: s.roots, Password: func(context.Context) (secrets.Value, error) { return secrets.NewValue("hunter2"), nil },
	}
	switch {
	case s.implicit:
		e.Security = TLS
	case s.startTLS:
		e.Security = StartTLS
	}
	return e
}

func (s *mailServer) talk(conn net.Conn) {
	if s.silent {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	if s.chatty {
		for {
			if _, err := fmt.Fprint(conn, "220-welcome to a server that likes to hear itself\r\n"); err != nil {
				return
			}
		}
	}
	secure := false
	if s.implicit {
		conn, secure = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}}), true
	}
	r := bufio.NewReader(conn)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format+"\r\n", args...) }
	line := func() string { l, _ := r.ReadString('\n'); return strings.TrimRight(l, "\r\n") }
	say("220 mail.acme.example")
	for {
		command := line()
		verb, rest, _ := strings.Cut(command, " ")
		s.mu.Lock()
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-mail.acme.example")
			if s.startTLS && !secure {
				say("250-STARTTLS")
			}
			if s.auth != "" {
				say("250-AUTH %s", s.auth)
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go ahead")
			conn, secure = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}}), true
			r = bufio.NewReader(conn)
		case "AUTH":
			s.signIn(rest, say, line)
		case "MAIL":
			s.encrypted, s.to = secure, nil
			say("250 ok")
		case "RCPT":
			if s.refuse != "" && strings.Contains(rest, s.refuse) {
				say("550 no such mailbox")
				break
			}
			s.to = append(s.to, strings.TrimSuffix(strings.TrimPrefix(rest, "TO:<"), ">"))
			say("250 ok")
		case "DATA":
			say("354 go ahead")
			var b strings.Builder
			for l := line(); l != "."; l = line() {
				b.WriteString(l + "\r\n")
			}
			s.text = b.String()
			say("250 queued")
		case "QUIT":
			say("221 bye")
			s.mu.Unlock()
			return
		case "":
			s.mu.Unlock()
			return
		default:
			say("500 what?")
		}
		s.mu.Unlock()
	}
}

func (s *mailServer) signIn(rest string, say func(string, ...any), line func() string) {
	plain := func(b64 string) string { b, _ := base64.StdEncoding.DecodeString(b64); return string(b) }
	if mechanism, initial, _ := strings.Cut(rest, " "); mechanism == "PLAIN" {
		parts := strings.Split(plain(initial), "\x00")
		s.user, s.password = parts[1], parts[2]
	} else {
		say("334 %s", base64.StdEncoding.EncodeToString([]byte("Username:")))
		s.user = plain(line())
		say("334 %s", base64.StdEncoding.EncodeToString([]byte("Password:")))
		s.password = plain(line())
	}
	if s.password != "hunter2" {
		say("535 the password %s is not yours", s.password)
		return
	}
	say("235 welcome")
}

func TestMail(t *testing.T) {
	for _, c := range []struct {
		name      string
		server    *mailServer
		user      string
		encrypted bool
	}{
		{"STARTTLS and PLAIN", &mailServer{startTLS: true, auth: "PLAIN LOGIN"}, "usher", true},
		{"STARTTLS and LOGIN", &mailServer{startTLS: true, auth: "LOGIN XOAUTH2"}, "usher", true},
		{"TLS from the first byte", &mailServer{implicit: true, auth: "PLAIN"}, "usher", true},
		{"a relay on this machine", &mailServer{}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := c.server.serve(t)
			e.Username = c.user
			if err := e.Send(t.Context(), aMessage()); err != nil {
				t.Fatal(err)
			}
			s := c.server
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.encrypted != c.encrypted || s.user != c.user || len(s.to) != 2 {
				t.Errorf("encrypted %t, signed in as %q, to %v", s.encrypted, s.user, s.to)
			}
			m, err := mail.ReadMessage(strings.NewReader(s.text))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != "[usher] zoom: ünë person is not removed yet" {
				t.Errorf("subject: got %q, %v", subject, err)
			}
			if got, want := m.Header.Get("Message-ID"), "<"+kim.String()+"@acme.example>"; got != want {
				t.Errorf("message id: got %q, want %q", got, want)
			}
			text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"ünë person", "Who: kim@acme.example", "What to do: See what is in the way.", "    usher status"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("the text lacks %q:\n%s", want, text)
				}
			}
		})
	}
}

func TestMailThatIsNotTaken(t *testing.T) {
	for _, c := range []struct {
		name   string
		server *mailServer
		change func(*Email)
		want   string
	}{
		{"a server without STARTTLS gets nothing", &mailServer{auth: "PLAIN"}, func(e *Email) { e.Security = StartTLS }, "offers no STARTTLS, so nothing was sent"},
		{"a certificate of nobody known", &mailServer{startTLS: true}, func(e *Email) { e.Roots = x509.NewCertPool() }, "STARTTLS"},
		{"a wrong password", &mailServer{startTLS: true, auth: "PLAIN"}, func(e *Email) {
			e.Username = "usher"
			e.Password = func(context.Context) (secrets.Value, error) { return secrets.NewValue("wrong-one"), nil }
		}, "sign in as usher: 535"},
		{"no sign-in", &mailServer{startTLS: true}, func(e *Email) { e.Username = "usher" }, "it offers no sign-in"},
		{"a sign-in that is not known", &mailServer{startTLS: true, auth: "XOAUTH2"}, func(e *Email) { e.Username = "usher" }, "Usher knows PLAIN and LOGIN"},
		{"nobody is there", &mailServer{refuse: "acme"}, func(*Email) {}, "550"},
		{"a server that talks without an end", &mailServer{chatty: true}, func(*Email) {}, "says more than is listened to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := c.server.serve(t)
			c.change(e)
			err := e.Send(t.Context(), aMessage())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "wrong-one") {
				t.Errorf("the error shows the password: %v", err)
			}
			c.server.mu.Lock()
			defer c.server.mu.Unlock()
			if c.server.text != "" {
				t.Error("a mail was sent")
			}
		})
	}
}

func TestOneReceiverThatIsWrongKeepsNoOtherFromIt(t *testing.T) {
	s := &mailServer{refuse: "it@"}
	if err := s.serve(t).Send(t.Context(), aMessage()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.to) != 1 || s.to[0] != "oncall@acme.example" || s.text == "" {
		t.Errorf("to %v: %q", s.to, s.text)
	}
}

func TestMailEndsWithItsContext(t *testing.T) {
	e := (&mailServer{silent: true}).serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- e.Send(ctx, aMessage()) }()
	cancel()
	if err := <-sent; err == nil {
		t.Error("got nil, want an error")
	}
}

func TestNothingOfATitleBecomesAHeader(t *testing.T) {
	m := aMessage()
	m.Title = "zoom\r\nBcc: thief@evil.example\r\n\r\nhello"
	text, err := (&Email{From: "usher@acme.example", To: []string{"it@acme.example"}}).render(m)
	if err != nil {
		t.Fatal(err)
	}
	read, err := mail.ReadMessage(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Header.Get("Bcc"); got != "" {
		t.Errorf("a receiver was smuggled in: %q", got)
	}
}
