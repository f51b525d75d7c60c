package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// linked lists the packages that are part of PID 1: import path and folder.
func linked(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}\t{{.Dir}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	pkgs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		pkgs[path] = dir
	}
	return pkgs
}

// PID 1 starts goroutines only through init/guard, and leaves alone what starts
// some behind its back, what waits for children, and what makes children ignore
// signals.
func TestRulesOfTheCode(t *testing.T) {
	forbidden := map[string]string{
		"time.AfterFunc":    "it runs its function in a goroutine without a guard",
		"signal.Ignore":     "children inherit an ignored signal",
		"exec.Command":      "os/exec waits for its children beside the reaper",
		"os.StartProcess":   "init/spawn makes processes",
		"context.AfterFunc": "it runs its function in a goroutine without a guard",
	}
	for path, dir := range linked(t) {
		if !strings.HasPrefix(path, "clarityos/") {
			continue
		}
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					if path != "clarityos/init/guard" {
						t.Errorf("%s: a bare go statement; use guard.Go", set.Position(n.Pos()))
					}
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && forbidden[x.Name+"."+n.Sel.Name] != "" {
						t.Errorf("%s: %s.%s: %s", set.Position(n.Pos()), x.Name, n.Sel.Name, forbidden[x.Name+"."+n.Sel.Name])
					}
				}
				return true
			})
		}
	}
}

// What PID 1 links costs memory and start-up time on every machine.
func TestRulesOfImports(t *testing.T) {
	pkgs := linked(t)
	for _, path := range []string{"net", "net/http", "os/exec", "os/user", "regexp", "text/template", "crypto/tls", "C",
		"clarityos/services/compile", "clarityos/services/unit", "clarityos/services/control/client"} {
		if _, ok := pkgs[path]; ok {
			t.Errorf("PID 1 links %s", path)
		}
	}
}
