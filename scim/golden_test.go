package scim_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/directory"
)

var update = flag.Bool("update", false, "write the replies of the server into the files of testdata/clients")

// TestClients replays what real clients send: each file below testdata/clients is a conversation with one source, whose
// kind its directory names. See testdata/clients/README.md for the format.
func TestClients(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "clients", "*", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations found: %v", err)
	}
	for _, file := range files {
		kind := directory.Kind(filepath.Base(filepath.Dir(file)))
		t.Run(string(kind)+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file) // #nosec G304 -- a file of the repository
			if err != nil {
				t.Fatal(err)
			}
			replies := replay(t, kind, parseConversation(t, string(text)))
			if *update {
				if err := os.WriteFile(file, []byte(replies), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), replies); diff != "" {
				t.Errorf("the conversation went otherwise (-file +server):\n%s", diff)
			}
		})
	}
}

// said is one request with the text before it, and the reply that is expected.
type said struct {
	before  string // comments and blank lines
	request string // as it stands in the file
	setup   bool   // of the reply only the status is looked at
	method  string
	target  string
	header  http.Header
	body    string
	checked []string // names of the reply's headers that the file shows
}

func parseConversation(t *testing.T, text string) []said {
	t.Helper()
	var all []said
	var s *said
	var before strings.Builder
	inReply := false
	for line := range strings.Lines(text) {
		mark, rest := "", strings.TrimSpace(line)
		if i := strings.IndexByte(rest, ' '); i > 0 {
			mark = rest[:i+1]
		}
		switch {
		case (mark == "> " || mark == ">> ") && (s == nil || inReply):
			method, target, _ := strings.Cut(rest[len(mark):], " ")
			all = append(all, said{
				before: before.String(), request: line, method: method, target: target, header: http.Header{}, setup: mark == ">> ",
			})
			before.Reset()
			s, inReply = &all[len(all)-1], false
		case mark == "> ":
			name, value, _ := strings.Cut(rest[2:], ": ")
			s.header.Add(name, value)
			s.request += line
		case mark == "< " && s != nil:
			if inReply {
				name, _, _ := strings.Cut(rest[2:], ": ")
				s.checked = append(s.checked, name)
			}
			inReply = true
		case strings.HasPrefix(line, "#") || s == nil || inReply && rest == "":
			before.WriteString(line)
		case !inReply:
			s.body += line
			s.request += line
		}
	}
	if len(all) == 0 {
		t.Fatal("the file has no request")
	}
	return all
}

// replay sends the requests and returns the conversation with the server's replies.
func replay(t *testing.T, kind directory.Kind, all []said) string {
	t.Helper()
	house := newHouse(t)
	token := house.source(t, "idp", kind, false)
	names := newNames()
	var out strings.Builder
	for _, s := range all {
		out.WriteString(s.before)
		out.WriteString(s.request)
		reply := house.send(t, token, s.method, names.replace(s.target), s.header, names.replace(s.body))
		names.learn(reply)
		fmt.Fprintf(&out, "< %d\n", reply.Code)
		for _, name := range s.checked {
			fmt.Fprintf(&out, "< %s: %s\n", name, names.restore(reply.Header().Get(name)))
		}
		if reply.Body.Len() > 0 && !s.setup {
			if !json.Valid(reply.Body.Bytes()) {
				t.Errorf("%s %s: the reply is not JSON: %s", s.method, s.target, reply.Body)
			}
			out.WriteString(layout([]byte(names.restore(reply.Body.String()))))
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// names gives the ids of the server names that a reader can follow: {user1}, {group1}, in the order of creation.
type names struct {
	count map[string]int
	to    []string // id, name, id, name …
	from  []string // name, id, name, id …
}

func newNames() *names { return &names{count: map[string]int{}} }

func (n *names) replace(text string) string { return strings.NewReplacer(n.from...).Replace(text) }

var (
	anyTime    = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	anyRequest = regexp.MustCompile(`id [0-9a-f-]{36}`)
)

func (n *names) restore(text string) string {
	text = strings.NewReplacer(n.to...).Replace(text)
	return anyRequest.ReplaceAllString(anyTime.ReplaceAllString(text, `"{time}"`), "id {request}")
}

// learn names the resource that a 201 has made.
func (n *names) learn(reply *httptest.ResponseRecorder) {
	if reply.Code != http.StatusCreated {
		return
	}
	var resource struct {
		ID   string
		Meta struct{ ResourceType string }
	}
	if json.Unmarshal(reply.Body.Bytes(), &resource) != nil {
		return
	}
	kind := strings.ToLower(resource.Meta.ResourceType)
	n.count[kind]++
	name := "{" + kind + strconv.Itoa(n.count[kind]) + "}"
	n.to = append(n.to, resource.ID, name)
	n.from = append(n.from, name, resource.ID)
}
