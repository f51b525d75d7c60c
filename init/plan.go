package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"clarityos/init/stage"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// imageFile says which image the root is; the plan is bound to its id.
const imageFile = "/usr/lib/clarity/image.json"

// loadPlan reads the image's own plan, or its copy when it does not hold. With
// neither there is nothing to start: PID 1 goes on with an empty plan, and with
// rescue.
func (p *pid1) loadPlan() {
	found, err := readPlan(plan.Path)
	if err == nil {
		p.plan, p.planFile = found, plan.Path
		p.chooseUnit()
		return
	}
	if found, spareErr := readPlan(plan.Spare); spareErr == nil {
		p.plan, p.planFile = found, plan.Spare
		p.say(supervisor.PriorityWarning, fmt.Sprintf("%s cannot be used: %v; its copy is", plan.Path, err))
		p.note(fmt.Sprintf("%s cannot be used (%v); %s is", plan.Path, err, plan.Spare))
		p.chooseUnit()
		return
	}
	p.plan = &plan.Plan{Schema: plan.Schema, System: plan.System{Rescue: exists("/usr/lib/clarity/rescue")}}
	p.say(supervisor.PriorityError, fmt.Sprintf("%s cannot be used: %v; no unit can start", plan.Path, err))
	p.post(func() { p.rescue(fmt.Sprintf("the plan %s cannot be used: %v", plan.Path, err)) })
}

// chooseUnit boots into the unit that the kernel's command line names: by
// clarity.unit= or, as people know it, systemd.unit=.
func (p *pid1) chooseUnit() {
	for _, word := range stage.CommandLine() {
		key, name, _ := strings.Cut(word, "=")
		if key != "clarity.unit" && key != "systemd.unit" {
			continue
		}
		if !slices.ContainsFunc(p.plan.Units, func(u plan.Unit) bool { return u.Name == name }) {
			p.note(fmt.Sprintf("%s of the kernel's command line names no unit of the plan", word))
			continue
		}
		p.plan.Default = name
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// readPlan decodes a plan file and checks that it was made for this root.
func readPlan(path string) (*plan.Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, plan.MaxSize+1))
	if err != nil {
		return nil, err
	}
	var image struct {
		ID string `json:"id"`
	}
	text, err := os.ReadFile(imageFile)
	if err == nil {
		err = json.Unmarshal(text, &image)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", imageFile, err)
	}
	p, err := plan.Decode(b, image.ID)
	if err == nil {
		p.Setup = plan.Setup{} // the setup component's, which reads the file itself
	}
	return p, err
}

// usePlan goes over to another plan; units keep what they are doing.
func (p *pid1) usePlan(file string) error {
	next, err := readPlan(file)
	if err != nil {
		return err
	}
	p.plan, p.planFile = next, file
	p.forgetLive()
	p.sup.Replace(next)
	p.fold(supervisor.Tick{})
	return nil
}
