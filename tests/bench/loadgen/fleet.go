// A fleet of ACME clients, each with an address of its own: they obtain a certificate each; then, when a line
// comes on stdin, each asks for the renewal information of its own (RFC 9773) and replaces it as soon as that
// says so. Every phase prints one JSON line. Beside it other routes are asked, before and meanwhile.
package main

import (
	"bufio"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var (
	number = flag.Int("n", 10000, "fleet: certificates")
	spread = flag.Duration("spread", time.Minute, "fleet: the time over which the clients ask for renewal information")
)

// What was answered over all: errors of the server, and refusals with and without Retry-After.
var failed, told, untold int64

func countStatus(resp *http.Response) {
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		if resp.Header.Get("Retry-After") == "" {
			atomic.AddInt64(&untold, 1)
		} else {
			atomic.AddInt64(&told, 1)
		}
	case code >= 500:
		atomic.AddInt64(&failed, 1)
	}
}

// The identifier of a certificate in renewal information (RFC 9773 §4.1), and its end.
func ariID(chain []byte) (string, time.Time, error) {
	blk, _ := pem.Decode(chain)
	if blk == nil {
		return "", time.Time{}, fmt.Errorf("no certificate: %.100s", chain)
	}
	leaf, err := x509.ParseCertificate(blk.Bytes)
	if err != nil {
		return "", time.Time{}, err
	}
	serial := leaf.SerialNumber.Bytes()
	if serial[0] > 127 {
		serial = append([]byte{0}, serial...)
	}
	return b64(leaf.AuthorityKeyId) + "." + b64(serial), leaf.NotAfter, nil
}

type member struct {
	address string
	id      string
	end     time.Time
}

// isDue asks for renewal information.
func (c *client) isDue(id string) (bool, error) {
	b, _, err := c.do("GET", c.dirm["renewalInfo"].(string)+"/"+id, "", nil)
	if err != nil {
		return false, err
	}
	var info struct {
		SuggestedWindow struct{ Start, End time.Time }
	}
	if err := json.Unmarshal(b, &info); err != nil {
		return false, err
	}
	return info.SuggestedWindow.End.Before(time.Now()), nil
}

func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(p*float64(len(sorted)-1))]
}

// probe signs and reads until it is stopped, and returns the p99 of each in milliseconds.
func probe(csrPEM string, stop <-chan struct{}) (sign, read float64) {
	c := newClient(nil)
	var signs, reads []float64
	for {
		for _, each := range []struct {
			into *[]float64
			ask  func() error
		}{
			{&signs, func() error { _, err := c.sign(csrPEM, "localhost"); return err }},
			{&reads, func() error { _, _, err := c.do("GET", *base+"/provisioners", "", nil); return err }},
		} {
			began := time.Now()
			if err := each.ask(); err == nil {
				*each.into = append(*each.into, float64(time.Since(began).Microseconds())/1000)
			}
		}
		select {
		case <-stop:
			sort.Float64s(signs)
			sort.Float64s(reads)
			return quantile(signs, .99), quantile(reads, .99)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func say(values map[string]any) {
	line, _ := json.Marshal(values)
	fmt.Println(string(line))
}

// each runs a function for every member, those of one account one after another, and returns when each was done.
func each(clients []*client, fleet []*member, do func(*client, int, *member) error) (times []float64, errs int64, first string) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	for a, c := range clients {
		wg.Add(1)
		go func(a int, c *client) {
			defer wg.Done()
			for i := a; i < len(fleet); i += len(clients) {
				err := do(c, i, fleet[i])
				mu.Lock()
				if err != nil {
					errs++
					if first == "" {
						first = err.Error()
					}
				} else {
					times = append(times, time.Since(began).Seconds())
				}
				mu.Unlock()
			}
		}(a, c)
	}
	wg.Wait()
	sort.Float64s(times)
	return
}

// patiently tries again after what Retry-After says, as long as the server only asks for time.
func (c *client) patiently(do func() error) error {
	for try := 0; ; try++ {
		before := atomic.LoadInt64(&told)
		err := do()
		if err == nil || atomic.LoadInt64(&told) == before || try == 20 {
			return err
		}
		seconds, _ := strconv.Atoi(c.wait)
		time.Sleep(time.Duration(max(1, seconds)) * time.Second)
	}
}

func runFleet(key crypto.Signer, csrPEM string) {
	serveChallenges("0.0.0.0:80")
	clients := make([]*client, *conc)
	for i := range clients {
		clients[i] = newClient(nil)
		must(clients[i].acmeInit())
	}
	fleet := make([]*member, *number)
	for i := range fleet {
		fleet[i] = &member{address: fmt.Sprintf("127.%d.%d.%d", 1+i>>16, i>>8&255, i&255)}
	}
	obtain := func(c *client, m *member, replaces string) error {
		return c.patiently(func() error {
			chain, err := c.acmeOne(key, m.address, replaces)
			if err == nil {
				m.id, m.end, err = ariID(chain)
			}
			return err
		})
	}
	times, errs, first := each(clients, fleet, func(c *client, _ int, m *member) error { return obtain(c, m, "") })
	say(map[string]any{"phase": "issued", "certificates": len(times), "errors": errs, "first_error": first, "seconds": quantile(times, 1)})

	stop := make(chan struct{})
	time.AfterFunc(*dur, func() { close(stop) })
	quietSign, quietRead := probe(csrPEM, stop)
	say(map[string]any{"phase": "quiet", "sign_p99_ms": quietSign, "read_p99_ms": quietRead})
	bufio.NewReader(os.Stdin).ReadString('\n')

	stop = make(chan struct{})
	type pair struct{ sign, read float64 }
	probed := make(chan pair)
	go func() {
		sign, read := probe(csrPEM, stop)
		probed <- pair{sign, read}
	}()
	failed, told, untold = 0, 0, 0
	var polls, expired int64
	began := time.Now()
	times, errs, first = each(clients, fleet, func(c *client, i int, m *member) error {
		time.Sleep(time.Until(began.Add(*spread * time.Duration(i) / time.Duration(len(fleet)))))
		for try := 0; ; try++ {
			var due bool
			err := c.patiently(func() (err error) { due, err = c.isDue(m.id); return })
			atomic.AddInt64(&polls, 1)
			if err != nil {
				return err
			}
			if due {
				break
			}
			if try == 60 {
				return fmt.Errorf("%s is not due", m.id)
			}
			time.Sleep(time.Second)
		}
		end := m.end
		err := obtain(c, m, m.id)
		if time.Now().After(end) {
			atomic.AddInt64(&expired, 1)
		}
		return err
	})
	close(stop)
	beside := <-probed
	say(map[string]any{"phase": "replaced", "certificates": len(times), "errors": errs, "first_error": first,
		"seconds": quantile(times, 1), "seconds_99": quantile(times, .99), "polls": polls, "expired": expired,
		"failed": failed, "told": told, "untold": untold, "sign_p99_ms": beside.sign, "read_p99_ms": beside.read})
}
