package secrets

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	keyBytes   = 32 // AES-256
	keyIDBytes = 8
	maxKeyFile = 64 << 10
	keyHeader  = "# Usher's keys, one a line. The first seals; the others only open what they sealed before.\n" +
		"# Whoever has this file and the data can read every stored secret: keep a copy, apart from the backups.\n"
)

// keyID names a key without telling it: the first bytes of a hash of the key, so
// that a key cannot be given a wrong or a second name.
type keyID [keyIDBytes]byte

func (id keyID) String() string { return hex.EncodeToString(id[:]) }

// Keyring is the content of a key file: the key that seals now, and those that
// sealed before. It is never changed; to rotate, put a new key on the file's first
// line and restart: the server seals anew what the former key sealed.
type Keyring struct {
	path    string
	current keyID
	ciphers map[keyID]cipher.AEAD
}

// NewKeyLine returns a fresh random key as a line of a key file, line end included.
func NewKeyLine() string {
	var key [keyBytes]byte
	// crypto/rand does not fail: it would crash the program. It is not injected, because a
	// key or nonce that can be foreseen is no key.
	_, _ = rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:]) + "\n"
}

// LoadKeyring reads the key file at path. The file must be a regular one that only
// its owner can read.
func LoadKeyring(path string) (*Keyring, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key file %s does not exist: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the key file: %w", err)
	}
	text, err := readPrivate(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("the key file %s %w", path, err)
	}
	return parseKeyring(path, text)
}

// EnsureKeyring reads the key file at path, and makes it first, with one new key and
// mode 0600, if there is none. The file appears whole or not at all, and is on
// disk before EnsureKeyring returns; of two processes that make it at once, both get
// the same one. The folder must exist.
func EnsureKeyring(path string) (*Keyring, error) {
	ring, err := LoadKeyring(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if err := createKeyFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("making the key file %s: %w", path, err)
	}
	return LoadKeyring(path)
}

// Path returns where the keys were read.
func (k *Keyring) Path() string { return k.path }

// readPrivate reads an open key file; its errors continue a sentence that begins with the file.
func readPrivate(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot be examined: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("can be read by others (mode %04o): run chmod 600 on it, and think of changing the key", mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("is longer than %d bytes: it holds one key a line", maxKeyFile)
	}
	return text, nil
}

func parseKeyring(path string, text []byte) (*Keyring, error) {
	ring := &Keyring{path: path, ciphers: map[keyID]cipher.AEAD{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keyBytes {
			return nil, fmt.Errorf("the key file %s, line %d: this is not a key, which is %d bytes in base64", path, n, keyBytes)
		}
		id := idOf(key)
		if _, twice := ring.ciphers[id]; twice {
			return nil, fmt.Errorf("the key file %s, line %d: this key (%s) stands in the file twice", path, n, id)
		}
		if ring.ciphers[id], err = newCipher(key); err != nil {
			return nil, err
		}
		if len(ring.ciphers) == 1 {
			ring.current = id
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the key file %s cannot be read: %w", path, err)
	}
	if len(ring.ciphers) == 0 {
		return nil, fmt.Errorf("the key file %s holds no key", path)
	}
	return ring, nil
}

func idOf(key []byte) keyID {
	sum := sha256.Sum256(append([]byte("usher key id\x00"), key...))
	return keyID(sum[:keyIDBytes])
}

// newCipher returns AES-256-GCM that draws a random 96-bit nonce for each message and
// puts it before the ciphertext: safe for 2^32 messages a key (NIST SP 800-38D section 8.3),
// far more than there will be secrets.
func newCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("preparing the cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("preparing the cipher: %w", err)
	}
	return aead, nil
}

// createKeyFile writes a new key beside path and links it there, which fails with
// fs.ErrExist, and harms nothing, if somebody else was faster.
func createKeyFile(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".usher-key-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(keyHeader + NewKeyLine())
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}
