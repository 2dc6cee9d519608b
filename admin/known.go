package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// knownApp refuses the name of an app that the mapping does not have, where nothing was found under it: an empty list would read as if
// all were well. What is kept of an app that left the mapping is listed without a complaint.
func (s Services) knownApp(ctx context.Context, app string, found int) error {
	if app == "" || found > 0 {
		return nil
	}
	m, err := s.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	if _, ok := m.App(app); ok {
		return nil
	}
	if next, _ := m.RollsOut(); next != nil {
		if _, ok := next.App(app); ok {
			return nil
		}
	}
	message := fmt.Sprintf("the mapping has no app %s, and nothing is kept of one", app)
	var names []string
	for _, a := range m.Apps() {
		names = append(names, a.Key)
	}
	if len(names) > 0 {
		message += "; it has " + strings.Join(names, ", ")
	}
	return &requestError{status: http.StatusNotFound, code: NotFound, message: message}
}
