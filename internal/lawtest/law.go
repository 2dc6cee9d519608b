package lawtest

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Package is what the law needs to know of one folder.
type Package struct {
	Folder string // below the module's root, "" for the root itself
	Doc    bool   // it has a doc.go that opens with a package comment
	Files  []File
}

// File is one Go file and what it imports of ours.
type File struct {
	Name    string
	Test    bool
	Imports []string // folders below the module's root
}

// Read parses the import clauses of every Go file of the module at the root of
// tree. Hidden folders, testdata and folders that open with "_" are not packages.
func Read(tree fs.FS) ([]Package, error) {
	found := map[string]*Package{}
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); p != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(p) != ".go" {
			return nil
		}
		folder := strings.TrimPrefix(path.Dir(p), ".")
		pkg := found[folder]
		if pkg == nil {
			pkg = &Package{Folder: folder}
			found[folder] = pkg
		}
		return pkg.add(tree, p)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the module's files: %w", err)
	}
	pkgs := make([]Package, 0, len(found))
	for _, pkg := range found {
		pkgs = append(pkgs, *pkg)
	}
	slices.SortFunc(pkgs, func(a, b Package) int { return cmp.Compare(a.Folder, b.Folder) })
	return pkgs, nil
}

func (p *Package) add(tree fs.FS, name string) error {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	file := File{Name: path.Base(name), Test: strings.HasSuffix(name, "_test.go")}
	if file.Name == "doc.go" {
		p.Doc = parsed.Doc != nil
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		if ours, ok := strings.CutPrefix(imported+"/", Module+"/"); ok {
			file.Imports = append(file.Imports, strings.TrimSuffix(ours, "/"))
		}
	}
	p.Files = append(p.Files, file)
	return nil
}

// Breaches returns a sentence for each way in which pkgs break the law of rooms.
func Breaches(rooms []Room, pkgs []Package) []string {
	var breaches []string
	for _, pkg := range pkgs {
		if !pkg.Doc {
			breaches = append(breaches, fmt.Sprintf("%s has no doc.go that opens with a package comment", name(pkg.Folder)))
		}
		room, ok := roomOf(rooms, pkg.Folder)
		if !ok {
			breaches = append(breaches, fmt.Sprintf("%s has no row in the law: say in rooms.go what it may know", name(pkg.Folder)))
			continue
		}
		for _, file := range pkg.Files {
			for _, imported := range file.Imports {
				if !room.allows(pkg.Folder, imported, file.Test) {
					breaches = append(breaches, fmt.Sprintf("%s/%s imports %s, which %s may not know", pkg.Folder, file.Name, name(imported), room.Folder))
				}
			}
		}
	}
	return breaches
}

func (r Room) allows(folder, imported string, test bool) bool {
	if imported == folder {
		return test
	}
	may := func(pattern string) bool { return matches(pattern, imported) }
	return slices.ContainsFunc(r.Knows, may) || test && slices.ContainsFunc(r.Tests, may)
}

// roomOf returns the row for folder: the exact one, else the one whose pattern is longest.
func roomOf(rooms []Room, folder string) (Room, bool) {
	var best Room
	found := false
	for _, r := range rooms {
		if r.Folder == folder {
			return r, true
		}
		if matches(r.Folder, folder) && (!found || len(r.Folder) > len(best.Folder)) {
			best, found = r, true
		}
	}
	return best, found
}

func matches(pattern, folder string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return folder == base || strings.HasPrefix(folder, base+"/")
	}
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		return path.Dir(folder) == base
	}
	return pattern == folder
}

func name(folder string) string {
	if folder == "" {
		return "the module's root"
	}
	return folder
}
