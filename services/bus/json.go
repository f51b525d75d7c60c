package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"clarityos/services/varlink"
)

// What comes over the wire is checked once, by valid; then these walk it without
// looking for errors. Decoding by reflection costs ten times as much, which a bus
// with many small messages does not have.

// valid says whether b is JSON in UTF-8.
func valid(b []byte) bool { return utf8.Valid(b) && json.Valid(b) }

// space is what JSON has between its tokens.
const space = " \t\r\n"

// fields calls f with each field of an object and its value, which are parts of it.
// An error of f ends it.
func fields(object []byte, f func(name, value []byte) error) error {
	if len(object) == 0 || object[0] != '{' {
		return errors.New("it has to be a JSON object")
	}
	for b := bytes.TrimLeft(object[1:], space); b[0] != '}'; b = bytes.TrimLeft(b, space+",") {
		name, rest := cut(b)
		value, rest := cut(bytes.TrimLeft(rest, space+":"))
		if err := f(bare(name), value); err != nil {
			return err
		}
		b = bytes.TrimLeft(rest, space)
	}
	return nil
}

// elements calls f with each element of an array.
func elements(array []byte, f func(value []byte) error) error {
	if len(array) == 0 || array[0] != '[' {
		return errors.New("it has to be a JSON array")
	}
	for b := bytes.TrimLeft(array[1:], space); b[0] != ']'; b = bytes.TrimLeft(b, space+",") {
		value, rest := cut(b)
		if err := f(value); err != nil {
			return err
		}
		b = bytes.TrimLeft(rest, space)
	}
	return nil
}

// cut takes one value off what begins with one.
func cut(b []byte) (value, rest []byte) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth == 0 && i+1 < len(b) && !ends(b[i+1]) {
				continue
			}
		}
		if depth == 0 {
			return b[:i+1], b[i+1:]
		}
	}
	return b, nil
}

// ends says whether a number or a word is over before c.
func ends(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ':', '}', ']':
		return true
	}
	return false
}

// bare is what a JSON string says; nothing for what is none.
func bare(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	var s string
	_ = json.Unmarshal(value, &s) // it is valid
	return []byte(s)
}

func text(value []byte) string { return string(bare(value)) }

// parseCall reads a call that is JSON.
func parseCall(b []byte) (c varlink.Call, err error) {
	err = fields(bytes.TrimLeft(b, space), func(name, value []byte) error {
		switch string(name) {
		case "method":
			c.Method = text(value)
		case "parameters":
			c.Parameters = value
		case "oneway":
			c.Oneway = string(value) == "true"
		case "more":
			c.More = string(value) == "true"
		}
		return nil
	})
	return c, err
}

// parsePublish adds the parameters of Publish to messages. What is wrong with one
// is left to complete.
func parsePublish(b []byte, messages []Message) ([]Message, error) {
	err := fields(b, func(name, value []byte) error {
		if string(name) != "messages" {
			return nil
		}
		return elements(value, func(value []byte) error {
			if len(messages) == MaxBatch {
				return fmt.Errorf("more than %d messages in one call", MaxBatch)
			}
			messages = append(messages, Message{})
			return parseMessage(value, &messages[len(messages)-1])
		})
	})
	return messages, err
}

func parseMessage(b []byte, m *Message) error {
	return fields(b, func(name, value []byte) error {
		switch string(name) {
		case "topic":
			m.Topic = topicOf(value)
		case "version":
			n, err := strconv.Atoi(string(value))
			if err != nil || n < 0 {
				return fmt.Errorf("version %s of a message", value)
			}
			m.Version = n
		case "key":
			m.Key = text(value)
		case "gone":
			m.Gone = string(value) == "true"
		case "body":
			m.Body = bytes.Clone(value) // the call's bytes are used again
		}
		return nil
	})
}

// topicOf is text, but makes no new string of a topic that is known.
func topicOf(value []byte) string {
	t := bare(value)
	if k := Kinds[string(t)]; k != nil {
		return k.Topic
	}
	return string(t)
}

// appendDelivery writes the reply that carries a Delivery.
func appendDelivery(b []byte, d *Delivery) []byte {
	b = append(b, `{"parameters":{"messages":[`...)
	for i := range d.Messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendMessage(b, &d.Messages[i])
	}
	b = append(b, ']')
	if d.Lost != nil {
		b = append(b, `,"lost":`...)
		raw, err := json.Marshal(d.Lost)
		if err != nil {
			panic(err) // numbers
		}
		b = append(b, raw...)
	}
	return append(b, `},"continues":true}`+"\x00"...)
}

func appendMessage(b []byte, m *Message) []byte {
	b = append(append(b, `{"topic":"`...), m.Topic...) // it has only letters
	b = strconv.AppendInt(append(b, `","version":`...), int64(m.Version), 10)
	b = append(append(append(b, `,"priority":"`...), m.Priority...), '"')
	if m.Key != "" {
		b = appendText(append(b, `,"key":`...), m.Key)
	}
	b = strconv.AppendUint(append(b, `,"seq":`...), m.Seq, 10)
	if m.Gone {
		b = append(b, `,"gone":true`...)
	}
	if len(m.Body) > 0 {
		b = append(append(b, `,"body":`...), m.Body...)
	}
	return append(b, '}')
}

func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			raw, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string
			}
			return append(b, raw...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
