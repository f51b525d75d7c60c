package bus

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/varlink"
)

// Whatever is JSON is walked without harm; a message that the library can write
// and read is the same to both.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"method":"a","parameters":{"messages":[{"topic":"unit.job","body":{"unit":"\u0061\"}"}}, {"topic":"x","body":{"a":[1,{"b":"]"}]}}]},"more":true}`), "a.service", 3)
	f.Add([]byte(` { "parameters" : { "messages" : [ ] } , "oneway":false } `), "\xff\"\\\n\u2028é", -1)
	f.Fuzz(func(t *testing.T, raw []byte, key string, version int) {
		if valid(raw) {
			if c, err := parseCall(raw); err == nil {
				messages, _ := parsePublish(c.Parameters, nil) // errors are as good as messages
				for _, m := range messages {
					if err := complete(&m); err == nil && !json.Valid(m.Body) && !m.Gone {
						t.Errorf("%q was taken out of %q", m.Body, raw)
					}
				}
			}
		}
		m := Message{Topic: "unit.state", Version: max(version, 1), Priority: Critical, Key: key, Seq: uint64(len(raw)), Gone: version%2 == 0}
		body, err := json.Marshal(&UnitState{Unit: key, Cause: string(raw)})
		if err != nil {
			t.Fatal(err)
		}
		m.Body = body
		d := Delivery{Messages: []Message{m, m}, Lost: &Losses{Low: 1}}
		var reply varlink.Reply
		var again Delivery
		written := appendDelivery(nil, &d)
		if err := json.Unmarshal(written[:len(written)-1], &reply); err != nil {
			t.Fatalf("%q: %v", written, err)
		}
		if err := json.Unmarshal(reply.Parameters, &again); err != nil || !reply.Continues {
			t.Fatalf("%q: %v", written, err)
		}
		sameText, err := json.Marshal(key) // what is no UTF-8 is replaced
		if err != nil || json.Unmarshal(sameText, &d.Messages[0].Key) != nil {
			t.Fatal(err)
		}
		d.Messages[1].Key = d.Messages[0].Key
		if !reflect.DeepEqual(d, again) {
			t.Errorf("written by hand, and read: %s", cmp.Diff(d, again))
		}
		published, err := json.Marshal(PublishArgs{again.Messages})
		if err != nil {
			t.Fatal(err)
		}
		read, err := parsePublish(published, nil)
		for i := range read { // the publisher does not say
			read[i].Priority, read[i].Seq = m.Priority, m.Seq
		}
		if err != nil || !reflect.DeepEqual(again.Messages, read) {
			t.Errorf("written, and read by hand: %v %s", err, cmp.Diff(again.Messages, read))
		}
	})
}

func TestFields(t *testing.T) {
	var got []string
	err := fields([]byte(` {"a":1,"b" : "x\"y" ,"c":{"d":[1,2,{}]},"e":[],"f":-1.5e3,"g":null,"h\u0069":true} `)[1:], func(name, value []byte) error {
		got = append(got, string(name)+"="+string(value))
		return nil
	})
	if d := cmp.Diff([]string{"a=1", `b="x\"y"`, `c={"d":[1,2,{}]}`, "e=[]", "f=-1.5e3", "g=null", "hi=true"}, got); d != "" || err != nil {
		t.Error(err, d)
	}
	for _, none := range []string{"", "1", `"{"`, "[]", "null"} {
		if fields([]byte(none), func(_, _ []byte) error { return nil }) == nil {
			t.Errorf("%q was taken for an object", none)
		}
	}
}
