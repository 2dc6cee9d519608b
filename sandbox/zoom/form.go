package zoom

import (
	"encoding/json"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-scim/usher/sandbox/wire"
)

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// form reads the fields of a JSON object and gathers what is wrong with them.
// Fields that nobody asked for are passed over, as Zoom does, and reported by unknown.
type form struct {
	values map[string]any
	prefix string
	read   map[string]bool
	errs   *[]fieldError
	lost   *[]string
}

// open reads a body; nil with a reply when it is no JSON object.
func open(body []byte) (*form, *wire.Reply) {
	o, err := wire.Object(body)
	if err != nil {
		reply := bad(300, "Request Body should be a valid JSON object.")
		return nil, &reply
	}
	return &form{values: o, read: map[string]bool{}, errs: &[]fieldError{}, lost: &[]string{}}, nil
}

func (f *form) fail(name string) {
	*f.errs = append(*f.errs, fieldError{f.prefix + name, "Invalid field."})
}

func (f *form) has(name string) bool {
	_, sent := f.values[name]
	return sent
}

// need complains about a field that was not sent.
func (f *form) need(names ...string) {
	for _, name := range names {
		if !f.has(name) {
			f.fail(name)
		}
	}
}

// take returns a field that was sent.
func (f *form) take(name string) (any, bool) {
	f.read[name] = true
	v, sent := f.values[name]
	return v, sent
}

// text reads a text of at most limit characters; 0 is no limit. It reports whether a good one was sent.
func (f *form) text(name string, limit int) (string, bool) {
	v, sent := f.take(name)
	if !sent {
		return "", false
	}
	s, isText := v.(string)
	if !isText || (limit > 0 && utf8.RuneCountInString(s) > limit) {
		f.fail(name)
		return "", false
	}
	return s, true
}

// name reads a part of a person's name, for which Chinese characters are counted apart.
func (f *form) name(name string, limit, chinese int) (string, bool) {
	s, sent := f.text(name, limit)
	if !sent {
		return "", false
	}
	n := 0
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			n++
		}
	}
	if n > chinese {
		f.fail(name)
		return "", false
	}
	return s, true
}

func (f *form) email(name string) string {
	s, sent := f.text(name, 128)
	if sent && !isEmail(s) {
		f.fail(name)
	}
	return s
}

// oneOf reads a text that must be one of a list.
func (f *form) oneOf(name string, of ...string) (string, bool) {
	s, sent := f.text(name, 0)
	if sent && !slices.Contains(of, s) {
		f.fail(name)
		return "", false
	}
	return s, sent
}

// number reads a whole number. Some plan numbers pass 2^53.
func (f *form) number(name string, of ...int64) (int64, bool) {
	v, sent := f.take(name)
	if !sent {
		return 0, false
	}
	n, isNumber := v.(json.Number)
	i, err := n.Int64()
	if !isNumber || err != nil || (len(of) > 0 && !slices.Contains(of, i)) {
		f.fail(name)
		return 0, false
	}
	return i, true
}

func (f *form) flag(name string) (value, sent bool) {
	v, sent := f.take(name)
	if !sent {
		return false, false
	}
	b, isBool := v.(bool)
	if !isBool {
		f.fail(name)
	}
	return b, isBool
}

func (f *form) object(name string) (*form, bool) {
	v, sent := f.take(name)
	if !sent {
		return nil, false
	}
	o, isObject := v.(map[string]any)
	if !isObject {
		f.fail(name)
		return nil, false
	}
	return &form{values: o, prefix: f.prefix + name + ".", read: map[string]bool{}, errs: f.errs, lost: f.lost}, true
}

// list reads a list of at most limit objects.
func (f *form) list(name string, limit int) ([]*form, bool) {
	v, sent := f.take(name)
	if !sent {
		return nil, false
	}
	list, isList := v.([]any)
	if !isList || len(list) > limit {
		f.fail(name)
		return nil, false
	}
	forms := make([]*form, 0, len(list))
	for _, e := range list {
		o, isObject := e.(map[string]any)
		if !isObject {
			f.fail(name)
			return nil, false
		}
		forms = append(forms, &form{values: o, prefix: f.prefix + name + ".", read: map[string]bool{}, errs: f.errs, lost: f.lost})
	}
	return forms, true
}

// texts reads a list of texts.
func (f *form) texts(name string, limit int) ([]string, bool) {
	v, sent := f.take(name)
	if !sent {
		return nil, false
	}
	list, isList := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, isText := e.(string)
		isList = isList && isText
		out = append(out, s)
	}
	if !isList || len(out) > limit {
		f.fail(name)
		return nil, false
	}
	return out, true
}

// close notes the fields that were not read. Call it when all were.
func (f *form) close() {
	for k := range f.values {
		if !f.read[k] {
			*f.lost = append(*f.lost, f.prefix+k)
		}
	}
	slices.Sort(*f.lost)
}

// wrong is the reply to what is wrong so far; nil if nothing is.
func (f *form) wrong() *wire.Reply {
	if len(*f.errs) == 0 {
		return nil
	}
	slices.SortFunc(*f.errs, func(x, y fieldError) int { return strings.Compare(x.Field, y.Field) })
	reply := invalid(*f.errs)
	return &reply
}

func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

func domainOf(email string) string {
	_, d, _ := strings.Cut(strings.ToLower(email), "@")
	return d
}
