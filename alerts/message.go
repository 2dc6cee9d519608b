package alerts

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// timeLayout is how times are written in alerts: they are read in mails, far from the server's zone.
const timeLayout = "2006-01-02 15:04 UTC"

// Message is an alert as a channel gets it, with the names of people looked up.
type Message struct {
	ID       uuid.UUID `json:"id"`
	At       time.Time `json:"at"`
	Kind     Kind      `json:"kind"`
	Site     string    `json:"site,omitempty"` // the public address of the server that sends it
	App      string    `json:"app,omitempty"`
	Count    int       `json:"count,omitempty"`
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	Do       string    `json:"do,omitempty"`
	Commands []string  `json:"commands,omitempty"`
	People   []Named   `json:"people,omitempty"`
}

// Named is a person whom somebody has to act on.
type Named struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name,omitempty"` // userName, else the account's address; empty for who is in neither any more
}

func (n Named) String() string {
	if n.Name == "" {
		return n.ID.String()
	}
	return n.Name
}

// message is the alert with names.
func (a Alert) message(site string, names map[uuid.UUID]string) Message {
	m := Message{
		ID: a.ID, At: a.At, Kind: a.Kind, Site: site, App: a.App, Count: a.Count,
		Title: a.Title, Text: a.Text, Do: a.Do, Commands: a.Commands,
	}
	for _, p := range a.Persons {
		m.People = append(m.People, Named{ID: p, Name: names[p]})
	}
	return m
}

// body is the message as plain text, with line feeds.
func (m Message) body() string {
	var b strings.Builder
	part := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	part("%s.", m.Title)
	if m.Text != "" {
		part("\n%s", m.Text)
	}
	if len(m.People) > 0 {
		names := make([]string, len(m.People))
		for i, p := range m.People {
			names[i] = p.String()
		}
		who := list(names)
		if more := m.Count - len(m.People); more > 0 && m.Kind != StillInside {
			who += fmt.Sprintf(" and %d more", more)
		}
		part("\nWho: %s", who)
	}
	if m.Do != "" {
		part("\nWhat to do: %s", m.Do)
	}
	for _, c := range m.Commands {
		part("    %s", c)
	}
	from := "Usher"
	if m.Site != "" {
		from += " at " + m.Site
	}
	part("\n%s, %s, alert %s", from, m.At.UTC().Format(timeLayout), m.ID)
	return b.String()
}

// sentence ends what may be empty, or without a full stop, as a sentence that begins with a capital.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func list(words []string) string { return strings.Join(words, ", ") }

// maxError bounds what is kept of a failed try, in bytes.
const maxError = 300

// oneLine makes what a server said, or a text that goes into a header, one line without control characters, of at most most bytes.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
