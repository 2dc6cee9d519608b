package scim

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/fault"
)

const (
	scimJSON  = "application/scim+json"
	plainJSON = "application/json"
)

// negotiate sets the content type of the response: application/scim+json, or application/json for who takes only
// that. A client that takes no JSON gets 406.
func (x *exchange) negotiate() error {
	accepted := x.r.Header.Values("Accept")
	contentType := scimJSON
	if len(accepted) > 0 {
		contentType = choose(strings.Join(accepted, ",")) // one line, as most send, is not copied
	}
	if contentType == "" {
		return fault.Status(http.StatusNotAcceptable, "only %s and %s can be answered", scimJSON, plainJSON)
	}
	x.w.Header().Set("Content-Type", contentType)
	return nil
}

// choose returns the content type that an Accept header allows, "" if none.
func choose(accept string) string {
	chosen := ""
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, _ := strings.Cut(part, ";")
		if refused(params) {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "", "*/*", "application/*", scimJSON:
			return scimJSON
		case plainJSON:
			chosen = plainJSON
		}
	}
	return chosen
}

// refused says whether the parameters of an accepted type are q=0.
func refused(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return err == nil && q == 0
	}
	return false
}

// read returns the JSON object of the request's body, of at most limit bytes. One that says beforehand that it is larger is
// refused before it is read.
func (x *exchange) read(limit int64) (map[string]any, error) {
	if err := contentType(x.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	if x.r.ContentLength > limit {
		x.refuseBody(x.r.ContentLength, limit)
		return nil, tooLarge(limit)
	}
	data, err := x.readAll(limit)
	var cut *http.MaxBytesError
	if errors.As(err, &cut) {
		x.refuseBody(limit, limit)
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, fault.Status(http.StatusBadRequest, "the body could not be read to its end")
	}
	return body.Object(data)
}

func tooLarge(limit int64) error {
	return fault.Status(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", limit)
}

// refuseBody ends the connection after the answer. A client that is still sending would then often see a broken connection instead of the answer:
// what is left of a body that is up to twice as large as it may be is read, after the answer, and thrown away.
func (x *exchange) refuseBody(left, limit int64) {
	x.w.Header().Set("Connection", "close")
	if left <= 2*limit && http.NewResponseController(x.w).EnableFullDuplex() == nil {
		x.surplus = left
	}
}

// drain reads what refuseBody left.
func (x *exchange) drain() {
	if x.surplus == 0 || http.NewResponseController(x.w).Flush() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, x.r.Body, x.surplus) // who has gone away has gone away
}

func (x *exchange) readAll(limit int64) ([]byte, error) {
	reader := http.MaxBytesReader(x.w.ResponseWriter, x.r.Body, limit)
	if x.r.ContentLength < 0 {
		return io.ReadAll(reader)
	}
	data := make([]byte, x.r.ContentLength)
	_, err := io.ReadFull(reader, data)
	return data, err
}

// contentType refuses bodies that are not JSON in UTF-8. One that does not say is taken for it.
func contentType(header string) error {
	if header == "" || header == scimJSON || header == plainJSON { // nearly all, and nothing to take apart
		return nil
	}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || kind != scimJSON && kind != plainJSON {
		return fault.Status(http.StatusUnsupportedMediaType, "the body must be %s or %s", scimJSON, plainJSON)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return fault.Status(http.StatusUnsupportedMediaType, "the body must be in UTF-8")
	}
	return nil
}

// send writes a response that is complete in memory.
func (x *exchange) send(status int, body []byte) {
	header := x.w.Header()
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", scimJSON)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // who has gone away cannot be told
}

// sendNothing answers 204.
func (x *exchange) sendNothing() {
	x.w.Header().Del("Content-Type")
	x.w.WriteHeader(http.StatusNoContent)
}
