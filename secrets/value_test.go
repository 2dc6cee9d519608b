package secrets_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/usher-scim/usher/secrets"
)

func TestAValueShowsItselfNowhere(t *testing.T) {
	t.Parallel()
	const plain = "s3cret-Pa55"
	value := secrets.NewValue(plain)
	holder := struct {
		V secrets.Value
		P *secrets.Value
	}{value, &value}

	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s"} {
		shown["value "+verb] = fmt.Sprintf(verb, value)
		shown["pointer "+verb] = fmt.Sprintf(verb, &value)
		shown["struct "+verb] = fmt.Sprintf(verb, holder)
	}
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	shown["json"] = string(asJSON)
	asYAML, err := yaml.Marshal(map[string]any{"v": value})
	if err != nil {
		t.Fatal(err)
	}
	shown["yaml"] = string(asYAML)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", value, "p", &value, "s", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", value, "p", &value, "s", holder)
	shown["slog"] = log.String()

	for how, text := range shown {
		if strings.Contains(text, plain) || strings.Contains(text, fmt.Sprintf("%x", plain)) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
		if !strings.Contains(text, "[secret]") && !strings.Contains(how, "pointer %d") {
			t.Errorf("%s does not say that there is a secret: %s", how, text)
		}
	}
	if got := value.Reveal(); got != plain {
		t.Errorf("Reveal() = %q, want %q", got, plain)
	}
}
