// Package plugctl holds packets of a real machine in a test, and lets them go: a client of plugctl session.
//
//	func TestSlowAnswer(t *testing.T) {
//		session := plugctl.Start(t)
//		answers, err := session.Gate("lo", "out", "tcp src port 8000")
//		if err != nil {
//			t.Fatal(err)
//		}
//		hold, err := answers.Hold() // what the server answers waits
//		...
//		hold.Release() // and goes on
//	}
//
// One file without dependencies, for Go 1.19 and later; copy it. What a session has made or holds ends with it, also when
// the test is killed. Sizes are in bytes.
package plugctl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const protocol = 1

// Error is what plugctl or the kernel refused: Code for a program, Message for a person.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Errno   int    `json:"errno"`
}

func (e *Error) Error() string { return e.Message }

// Event is what was let go without being asked for: a deadline was reached, or somebody else has changed it.
type Event struct {
	Event       string `json:"event"`
	Name        string `json:"name"`
	Why         string `json:"why"`
	Disturbance string `json:"disturbance"`
}

// Counts is what waits at a gate or a plug, has left, and was dropped.
type Counts struct {
	BacklogPackets int `json:"backlogPackets"`
	BacklogBytes   int `json:"backlogBytes"`
	SentPackets    int `json:"sentPackets"`
	SentBytes      int `json:"sentBytes"`
	Drops          int `json:"drops"`
}

// Session is a conversation with plugctl session. Its methods may be called by several goroutines.
type Session struct {
	command *exec.Cmd
	input   io.WriteCloser
	stderr  bytes.Buffer
	done    chan struct{} // closed when there is no more to read
	once    sync.Once
	ended   error

	lock    sync.Mutex // guards what follows
	last    int
	waiting map[int]chan answer
	events  []Event
}

type answer struct {
	Result json.RawMessage `json:"result"`
	Error  *Error          `json:"error"`
}

// Start starts a session that ends with the test. Words follow "plugctl session": "--netns", "b", "--max-hold", "5s".
func Start(t testing.TB, words ...string) *Session {
	t.Helper()
	session, err := Open(append([]string{"plugctl", "session"}, words...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	return session
}

// Open starts a session by a command: "ssh", "root@host", "plugctl", "session" has it elsewhere.
func Open(command ...string) (*Session, error) {
	s := &Session{command: exec.Command(command[0], command[1:]...), done: make(chan struct{}), waiting: map[int]chan answer{}}
	s.command.Stderr = &s.stderr
	output, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.input, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(output)
	ready := struct {
		Protocol int `json:"protocol"`
	}{}
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err == nil && ready.Protocol != protocol {
		err = fmt.Errorf("plugctl speaks protocol %d, this client %d", ready.Protocol, protocol)
	}
	go s.read(lines)
	if err == nil {
		return s, nil
	}
	if ended := s.Close(); ended != nil {
		err = ended
	}
	return nil, err
}

// Gate makes a gate, which holds only the packets meant: direction is in, out or both, match as for tcpdump, or empty.
func (s *Session) Gate(dev, direction, match string) (*Gate, error) {
	fields := map[string]any{"dev": dev, "direction": direction}
	if match != "" {
		fields["match"] = match
	}
	var made struct {
		Name string `json:"name"`
	}
	if err := s.Request("gate-add", fields, &made); err != nil {
		return nil, err
	}
	return &Gate{s, made.Name}, nil
}

// Attach attaches a plug, which holds all that leaves a device.
func (s *Session) Attach(dev string) (*Gate, error) {
	if err := s.Request("attach", map[string]any{"dev": dev}, nil); err != nil {
		return nil, err
	}
	return s.Named(dev), nil
}

// Named is a gate or a plug that is there already, by its name or its device's.
func (s *Session) Named(name string) *Gate { return &Gate{s, name} }

// Events are those that there were until now.
func (s *Session) Events() []Event {
	s.lock.Lock()
	defer s.lock.Unlock()
	return append([]Event(nil), s.events...)
}

// Request asks for any operation, and puts its result where result points to, unless that is nil.
func (s *Session) Request(op string, fields map[string]any, result any) error {
	s.lock.Lock()
	s.last++
	id := s.last
	given := map[string]any{}
	for key, value := range fields {
		given[key] = value
	}
	given["id"], given["op"] = id, op
	line, err := json.Marshal(given)
	if err != nil {
		s.lock.Unlock()
		return err
	}
	answered := make(chan answer, 1)
	s.waiting[id] = answered
	_, err = s.input.Write(append(line, '\n'))
	s.lock.Unlock()
	if err != nil {
		return s.lastWords()
	}
	select {
	case got := <-answered:
		return got.into(result)
	case <-s.done:
	}
	select { // It may have come right before the end.
	case got := <-answered:
		return got.into(result)
	default:
		return s.lastWords()
	}
}

// Close ends the session: what it holds is released, and what it has made is taken away.
func (s *Session) Close() error {
	s.once.Do(func() {
		s.input.Close()
		<-s.done
		if err := s.command.Wait(); err != nil {
			s.ended = errors.New(words(s.stderr.String(), err))
		}
	})
	return s.ended
}

func (s *Session) read(lines *bufio.Reader) {
	defer close(s.done)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var said struct {
			ID int `json:"id"`
			answer
			Event
		}
		if json.Unmarshal(line, &said) != nil {
			continue
		}
		s.lock.Lock()
		if said.Event.Event == "" {
			if waiting := s.waiting[said.ID]; waiting != nil {
				waiting <- said.answer
				delete(s.waiting, said.ID)
			}
		} else if said.Event.Event != "holding" {
			s.events = append(s.events, said.Event)
		}
		s.lock.Unlock()
	}
}

func (s *Session) lastWords() error {
	if err := s.Close(); err != nil {
		return err
	}
	return errors.New("plugctl session has ended")
}

func words(said string, err error) string {
	if said = strings.TrimSpace(said); said != "" {
		return said
	}
	return "plugctl session ended: " + err.Error()
}

func (a answer) into(result any) error {
	if a.Error != nil {
		return a.Error
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(a.Result, result)
}

// Gate holds packets and lets them go: a gate, or a plug.
type Gate struct {
	session *Session
	// Name is its name, or its device's.
	Name string
}

// Buffer holds from here on; again, it ends the epoch and begins the next.
func (g *Gate) Buffer() error { return g.session.Request("buffer", g.on(nil), nil) }

// Release releases everything, and says how many packets were held.
func (g *Gate) Release() (int, error) { return g.released("release") }

// ReleaseOne releases the epoch that the last Buffer ended, and says how many packets that were.
func (g *Gate) ReleaseOne() (int, error) { return g.released("release-one") }

// Counts says what waits, has left and was dropped.
func (g *Gate) Counts() (Counts, error) { return g.counted("counts", nil) }

// Wait waits until a condition is met: backlog>=1, sent>=3, drops>0.
func (g *Gate) Wait(until string, timeout time.Duration) (Counts, error) {
	return g.counted("wait", map[string]any{"until": until, "timeoutMs": timeout.Milliseconds()})
}

// Limit sets the queue limit.
func (g *Gate) Limit(bytes int) error {
	return g.session.Request("limit", g.on(map[string]any{"limitBytes": bytes}), nil)
}

// Hold holds until the result is told to release, or the session ends.
func (g *Gate) Hold() (*Hold, error) {
	if err := g.Buffer(); err != nil {
		return nil, err
	}
	return &Hold{gate: g}, nil
}

// Close releases it and takes it away, without losing a packet.
func (g *Gate) Close() error { return g.session.Request("detach", g.on(nil), nil) }

func (g *Gate) on(fields map[string]any) map[string]any {
	all := map[string]any{"on": g.Name}
	for key, value := range fields {
		all[key] = value
	}
	return all
}

func (g *Gate) released(op string) (int, error) {
	var each []struct {
		ReleasedPackets int `json:"releasedPackets"`
	}
	if err := g.session.Request(op, g.on(nil), &each); err != nil {
		return 0, err
	}
	return each[0].ReleasedPackets, nil
}

func (g *Gate) counted(op string, fields map[string]any) (Counts, error) {
	var each []Counts
	if err := g.session.Request(op, g.on(fields), &each); err != nil {
		return Counts{}, err
	}
	return each[0], nil
}

// Hold holds since it was made.
type Hold struct {
	gate     *Gate
	once     sync.Once
	released int
	err      error
}

// Wait waits until a condition is met: backlog>=1 for a packet that waits.
func (h *Hold) Wait(until string, timeout time.Duration) (Counts, error) {
	return h.gate.Wait(until, timeout)
}

// Release lets go what it holds, once, and says how many packets that were.
func (h *Hold) Release() (int, error) {
	h.once.Do(func() { h.released, h.err = h.gate.Release() })
	return h.released, h.err
}
