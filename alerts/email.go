package alerts

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/secrets"
)

// Security says how a mail server is spoken to.
type Security string

const (
	StartTLS Security = "starttls" // plain at first, then encrypted; a server without STARTTLS gets nothing (RFC 3207)
	TLS      Security = "tls"      // encrypted from the first byte (RFC 8314)
	NoTLS    Security = "off"      // never; for a relay on the same machine
)

// maxSMTP bounds what a mail server may send in one conversation, its certificates included.
const maxSMTP = 512 << 10

// Email sends alerts as plain text over SMTP.
type Email struct {
	Host     string
	Port     int
	Security Security
	From     string // an address
	To       []string
	// Username and Password sign in with PLAIN, or LOGIN where the server knows nothing else; without a Username nothing is signed in.
	Username string
	Password func(ctx context.Context) (secrets.Value, error)
	// Roots are the authorities that the server's certificate must come from; nil: the system's.
	Roots *x509.CertPool
}

var _ Channel = (*Email)(nil)

// Name implements Channel.
func (e *Email) Name() string { return "email" }

// Target names receivers and server.
func (e *Email) Target() string {
	return list(e.To) + " via " + net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
}

// Send hands one mail to the server. That the server took it is a delivery; what becomes of it then is the mail system's.
func (e *Email) Send(ctx context.Context, m Message) error {
	address := net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("reach the mail server %s: %w", address, err)
	}
	defer func() { _ = raw.Close() }()
	// The library knows no context: the end of ctx ends the connection, and with it whatever is waited for.
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	if err := e.converse(ctx, &bounded{Conn: raw, left: maxSMTP}, m); err != nil {
		return fmt.Errorf("mail server %s: %w", address, err)
	}
	return nil
}

func (e *Email) converse(ctx context.Context, conn net.Conn, m Message) error {
	secure := &tls.Config{ServerName: e.Host, RootCAs: e.Roots, MinVersion: tls.VersionTLS12}
	if e.Security == TLS {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, e.Host)
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if e.Security == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return errors.New("it offers no STARTTLS, so nothing was sent; if it speaks TLS from the start, set alerts.email.tls: tls")
		}
		if err := c.StartTLS(secure); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if err := e.signIn(ctx, c); err != nil {
		return err
	}
	if err := c.Mail(e.From); err != nil {
		return fmt.Errorf("sender %s: %w", e.From, err)
	}
	refused := 0
	for _, to := range e.To {
		if err = c.Rcpt(to); err != nil {
			err = fmt.Errorf("receiver %s: %w", to, err)
			refused++
		}
	}
	if refused == len(e.To) { // one address that is wrong must not keep the others from it
		return err
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("begin the mail: %w", err)
	}
	text, err := e.render(m)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("end the mail: %w", err)
	}
	_ = c.Quit() // the mail was taken; how the server says goodbye changes nothing
	return nil
}

func (e *Email) signIn(ctx context.Context, c *smtp.Client) error {
	if e.Username == "" {
		return nil
	}
	password, err := e.Password(ctx)
	if err != nil {
		return fmt.Errorf("read alerts.email.password: %w", err)
	}
	ok, mechanisms := c.Extension("AUTH")
	if !ok {
		return errors.New("it offers no sign-in; without one, leave alerts.email.username out")
	}
	var auth smtp.Auth
	known := strings.Fields(strings.ToUpper(mechanisms))
	switch {
	case slices.Contains(known, "PLAIN"):
		auth = smtp.PlainAuth("", e.Username, password.Reveal(), e.Host)
	case slices.Contains(known, "LOGIN"):
		auth = &login{username: e.Username, password: password, host: e.Host}
	default:
		return fmt.Errorf("it offers to sign in with %s, and Usher knows PLAIN and LOGIN", oneLine(mechanisms, 100))
	}
	if err := c.Auth(auth); err != nil {
		// Whatever a server repeats of what it was told, the password stays out of errors.
		return fmt.Errorf("sign in as %s: %s", e.Username, strings.ReplaceAll(err.Error(), password.Reveal(), "[secret]"))
	}
	return nil
}

// render writes the mail with its headers (RFC 5322). Its Message-ID is the alert's, so that a repetition can be told from a new one.
func (e *Email) render(m Message) ([]byte, error) {
	var b bytes.Buffer
	domain := e.From[strings.LastIndexByte(e.From, '@')+1:]
	for _, h := range [][2]string{
		{"From", "Usher <" + e.From + ">"},
		{"To", list(e.To)},
		{"Subject", mime.QEncoding.Encode("utf-8", "[usher] "+oneLine(m.Title, 300))},
		{"Date", m.At.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + m.ID.String() + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: out-of-office replies are not wanted
		{IDHeader, m.ID.String()},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := io.WriteString(w, strings.ReplaceAll(m.body(), "\n", "\r\n")); err != nil {
		return nil, fmt.Errorf("write the mail's text: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write the mail's text: %w", err)
	}
	return b.Bytes(), nil
}

// login is the LOGIN mechanism, the only one that some large mail services offer for passwords.
type login struct {
	username, host string
	password       secrets.Value
	asked          int
}

// Start implements smtp.Auth. Like PlainAuth, it tells nothing over a connection that others can read.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && !loopback(server.Name) {
		return "", nil, errors.New("the connection is not encrypted")
	}
	if server.Name != l.host {
		return "", nil, errors.New("it is another server than the one named")
	}
	return "LOGIN", nil, nil
}

// Next implements smtp.Auth: the server asks for the name, then for the password.
func (l *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.asked++
	switch l.asked {
	case 1:
		return []byte(l.username), nil
	case 2:
		return []byte(l.password.Reveal()), nil
	default:
		return nil, errors.New("the server asks for more than a name and a password")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// bounded is a connection that a server cannot talk into for ever.
type bounded struct {
	net.Conn
	left int64
}

// Read fails once the bound is passed.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("it says more than is listened to")
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.Conn.Read(p)
	b.left -= int64(n)
	return n, err
}
