package pool

import (
	"strings"
	"testing"
)

// A task that panics is reported and lost; its worker and the tasks behind it
// go on. There are more such tasks than workers.
func TestTaskPanics(t *testing.T) {
	const workers, tasks = 2, 9
	reports := make(chan string, tasks)
	p := New("fork", workers, func(name, trouble string) { reports <- name + ": " + trouble })
	done := make(chan int, tasks)
	for n := range tasks {
		p.Add(func() {
			if n%3 == 0 {
				panic("a task")
			}
			done <- n
		})
	}
	for range tasks - tasks/3 {
		<-done
	}
	for range tasks / 3 {
		if r := <-reports; !strings.HasPrefix(r, "fork: panic: a task\n") {
			t.Errorf("report %q", r)
		}
	}
}
