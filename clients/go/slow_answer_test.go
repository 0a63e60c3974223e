// A client that waits for a slow answer: what clients/go is for.
package plugctl

import (
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"
)

func TestAnAnswerThatIsHeldFor300msComesLate(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer listener.Close()
	seconds, err := strconv.ParseFloat(os.Getenv("HOLD_SECONDS"), 64)
	if err != nil {
		seconds = 0.3
	}
	answers, err := Start(t).Gate("lo", "out", "tcp src port 8000")
	if err != nil {
		t.Fatal(err)
	}
	hold, err := answers.Hold()
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	time.AfterFunc(time.Duration(seconds*float64(time.Second)), func() { hold.Release() })
	answer, err := http.Get("http://127.0.0.1:8000/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); string(body) != "hello" || time.Since(begun) < 300*time.Millisecond {
		t.Fatalf("%q came after %v", body, time.Since(begun))
	}
	if released, err := hold.Release(); err != nil || released < 1 {
		t.Fatalf("%d packets were held: %v", released, err)
	}
}
