package guard

import (
	"strings"
	"testing"
)

func TestPanicIsReportedAndRunAnew(t *testing.T) {
	reports := make(chan string, 8)
	done := make(chan struct{})
	runs := 0
	Go("worker", func(name, trouble string) { reports <- name + ": " + trouble }, func() {
		if runs++; runs < 3 {
			panic("out of order")
		}
		close(done)
	})
	<-done
	if len(reports) != 2 {
		t.Fatalf("%d reports", len(reports))
	}
	if r := <-reports; !strings.HasPrefix(r, "worker: panic: out of order\n") || !strings.Contains(r, "guard_test.go") {
		t.Errorf("report %q", r)
	}
}
