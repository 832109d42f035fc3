package spark_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/interop"
	"github.com/aftrace/aftrace/replay/scenario"
)

const hosts = 200

// quick are options of Java for programs that live a minute.
const quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

// python is what drives Spark; the workers get it too. Java 17 or later must be installed.
func python(t *testing.T) string {
	t.Helper()
	return interop.Python(t, "analysis/spark/requirements.txt", "pyspark, pyarrow")
}

// cluster is a master of Spark with its workers, each a group of processes.
type cluster struct {
	url     string
	home    string
	env     []string
	dir     string
	workers []*exec.Cmd
}

// start runs a class of Spark until the test ends.
func (c *cluster) start(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(c.home, "bin", "spark-class"), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill(cmd)
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
	return cmd
}

// kill ends a worker and its executors at once.
func kill(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
}

func newCluster(t *testing.T, workers int) *cluster {
	t.Helper()
	py := python(t)
	c := &cluster{dir: t.TempDir()}
	c.home = string(interop.Output(t, exec.Command(py, "-c", "import pyspark; print(pyspark.__path__[0], end='')")))
	c.env = append(os.Environ(),
		"SPARK_DAEMON_JAVA_OPTS="+quick, "PYSPARK_PYTHON="+py, "PYSPARK_DRIVER_PYTHON="+py, "SPARK_HOME="+c.home, "SPARK_LOCAL_IP=127.0.0.1", "SPARK_LOCAL_DIRS="+c.dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	c.url = "spark://" + addr.String()
	c.start(t, "master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", fmt.Sprint(addr.Port), "--webui-port", "0")
	wait(t, 3*time.Minute, "the master does not listen", func() bool {
		conn, err := net.Dial("tcp", addr.String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	for i := range workers {
		name := fmt.Sprintf("worker%d", i)
		c.workers = append(c.workers, c.start(t, name, "org.apache.spark.deploy.worker.Worker",
			"--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", filepath.Join(c.dir, name), c.url))
	}
	for i := range workers {
		log := filepath.Join(c.dir, fmt.Sprintf("worker%d.log", i))
		wait(t, 3*time.Minute, "a worker does not find its master", func() bool {
			text, err := os.ReadFile(log)
			return err == nil && strings.Contains(string(text), "Successfully registered with master")
		})
	}
	return c
}

func wait(t *testing.T, long time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s after %v", what, long)
		}
	}
}

// submit starts the job.
func (c *cluster) submit(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.home, "bin", "spark-submit"), append([]string{
		"--master", c.url, "--conf", "spark.ui.enabled=false", "--conf", "spark.executor.memory=512m", "--conf", "spark.executor.cores=1",
		"--conf", "spark.driver.extraJavaOptions=" + quick, "--conf", "spark.executor.extraJavaOptions=" + quick, "--conf", "spark.sql.shuffle.partitions=4", "--conf", "spark.scheduler.minRegisteredResourcesRatio=1",
		"--conf", "spark.scheduler.maxRegisteredResourcesWaitingTime=60s", "replay.py",
	}, args...)...)
	cmd.Env = c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// results is the output of results.py. A finding is its id, severity, verdict and events.
type results struct {
	Traces map[string]struct {
		Host, Boot_ID, Verdict, Error *string
		Attempts, Rows                int
	}
	Findings map[string][][]string
}

func read(t *testing.T, dir string) (r results) {
	t.Helper()
	if err := json.Unmarshal(interop.Output(t, exec.Command(python(t), "results.py", dir)), &r); err != nil {
		t.Fatal(err)
	}
	for _, list := range r.Findings {
		slices.SortFunc(list, slices.Compare)
	}
	return r
}

// alone is what afreplay run says of a trace.
func alone(t *testing.T, afreplay, path string) (verdict string, findings [][]string) {
	t.Helper()
	out, err := exec.Command(afreplay, "run", path, "--format", "json").Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var r struct {
		Verdict  string
		Findings []struct {
			ID, Severity, Verdict string
			Events                []uint64
		}
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, f := range r.Findings {
		findings = append(findings, []string{f.ID, f.Severity, f.Verdict, strings.Trim(fmt.Sprint(f.Events), "[]")})
	}
	slices.SortFunc(findings, slices.Compare)
	return r.Verdict, findings
}

// fleet writes the traces of hosts: scenarios of the corpus, evenly out of all its folders.
// plain are those that are the same as rows alone, because their metadata says nothing but
// where they are from, and nothing is cut off.
func fleet(t *testing.T, dir string) (names, plain []string) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/scenarios/*/*.af")
	if err != nil || len(files) < hosts {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	for i := range hosts {
		path := files[i*len(files)/hosts]
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Compile(path, string(text))
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("host-%03d/%d.%s", i/2, i%2, []string{"arrow", "arrows"}[i%2])
		names = append(names, name)
		if len(s.Metadata) == 0 && len(s.Events) > 0 && !s.Cut {
			plain = append(plain, name)
		}
		s.Metadata[format.MetaHost], s.Metadata[format.MetaBootID] = fmt.Sprintf("host-%03d", i/2), fmt.Sprintf("boot %d", i%2)
		raw, err := s.Trace(i%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return names, plain
}

// A folder that has other things than traces is no reason to stop: what cannot be read is listed,
// to be told of as failed, and what nobody would ever write to is not opened.
func TestTracesOfAFolder(t *testing.T) {
	py := python(t)
	dir := t.TempDir()
	for name, size := range map[string]int{"small.arrow": 1, "sub/large.ARROWS": 9, ".part.arrow": 5, "notes.txt": 7} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, make([]byte, size), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "folder.arrow"), 0o777), syscall.Mkfifo(filepath.Join(dir, "pipe.arrow"), 0o666),
		os.Symlink("nothing", filepath.Join(dir, "broken.arrow"))); err != nil {
		t.Fatal(err)
	}
	script := `import json, sys, replay
print(json.dumps([trace for path, trace in replay.find(sys.argv[1])]))`
	var got []string
	if err := json.Unmarshal(interop.Output(t, exec.Command(py, "-c", script, dir)), &got); err != nil {
		t.Fatal(err)
	}
	if want := []string{"sub/large.ARROWS", "small.arrow", "broken.arrow"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	missing := filepath.Join(dir, "missing")
	if out, err := exec.Command(py, "-c", script, missing).CombinedOutput(); err == nil || !strings.Contains(string(out), missing+": No such file") {
		t.Errorf("a folder that is not there: %v, %s", err, out)
	}
}

func TestFleetOnACluster(t *testing.T) {
	interop.Need(t, "Java, and Python with requirements.txt")
	dir := t.TempDir()
	afreplay := filepath.Join(dir, "afreplay")
	interop.Output(t, exec.Command("go", "build", "-o", afreplay, "../../cmd/afreplay"))
	traces := filepath.Join(dir, "traces")
	names, plain := fleet(t, traces)

	// One trace breaks off before its first row. What afreplay makes of it the second time is the same.
	const broken = "broken.arrow"
	whole, err := os.ReadFile(filepath.Join(traces, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(traces, broken), whole[:200], 0o666); err != nil {
		t.Fatal(err)
	}
	// Another is replayed well only the second time.
	flaky := names[len(names)/2]

	// The workers call this: it tells that a trace begins, takes its time, so that a worker
	// dies in the middle of the work, and fails once with the trace that is to be tried again.
	begun := filepath.Join(dir, "begun")
	if err := os.Mkdir(begun, 0o777); err != nil {
		t.Fatal(err)
	}
	slow := filepath.Join(dir, "slow-afreplay")
	script := fmt.Sprintf("#!/bin/sh\nmktemp %s/XXXXXXXX >/dev/null\nsleep 0.1\n"+
		"if [ \"$(readlink /proc/self/fd/0)\" = %s ] && mkdir %s 2>/dev/null; then kill -9 $$; fi\nexec %s \"$@\"\n",
		begun, filepath.Join(traces, flaky), filepath.Join(dir, "failed-once"), afreplay)
	if err := os.WriteFile(slow, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, 2)

	out := filepath.Join(dir, "results")
	job := c.submit("--traces", traces, "--out", out, "--afreplay", slow)
	log, err := os.Create(filepath.Join(dir, "job.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	job.Stdout, job.Stderr = log, log
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- job.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-job.Process.Pid, syscall.SIGKILL)
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the job:\n%s", text[max(0, len(text)-8000):])
		}
	})
	replays := func() int {
		list, err := os.ReadDir(begun)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	wait(t, 8*time.Minute, "the cluster does not work", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the job ended before a worker could be killed: %v", err)
		default:
		}
		return replays() >= hosts/3
	})
	kill(c.workers[0])
	if n := replays(); n >= hosts {
		t.Fatalf("all %d replays had begun when the worker was killed", n)
	}
	select {
	case err = <-ended:
	case <-time.After(8 * time.Minute):
		t.Fatal("the job does not end after a worker was killed")
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("the job ended with %v, want exit code 3: a trace failed", err)
	}
	if n := replays(); n <= hosts+3 {
		t.Errorf("only %d replays were begun: nothing was done again for the worker that died", n)
	}

	got := read(t, out)
	if len(got.Traces) != hosts+1 {
		t.Errorf("%d traces came out, want %d", len(got.Traces), hosts+1)
	}
	want := map[string][][]string{}
	verdicts := map[string]int{}
	for i, name := range names {
		verdict, findings := alone(t, afreplay, filepath.Join(traces, name))
		want[name] = findings
		verdicts[verdict]++
		tr, ok := got.Traces[name]
		if !ok {
			t.Errorf("%s is lost", name)
			continue
		}
		// If the worker dies between the two attempts at the flaky one, the other worker needs one.
		tries := tr.Attempts == 1 || name == flaky && tr.Attempts == 2
		if *tr.Verdict != verdict || tr.Error != nil || tr.Rows != len(findings) || !tries {
			t.Errorf("%s is %s after %d attempts with %d rows, error %v; want %s with %d", name, *tr.Verdict, tr.Attempts, tr.Rows, tr.Error, verdict, len(findings))
		}
		if tr.Host == nil || tr.Boot_ID == nil || *tr.Host != fmt.Sprintf("host-%03d", i/2) || *tr.Boot_ID != fmt.Sprintf("boot %d", i%2) {
			t.Errorf("%s is of host %v, boot %v", name, tr.Host, tr.Boot_ID)
		}
		if !reflect.DeepEqual(got.Findings[name], findings) {
			t.Errorf("%s:\n got %v\nwant %v", name, got.Findings[name], findings)
		}
	}
	for _, v := range []string{"conforms", "violations", "inconclusive"} {
		if verdicts[v] == 0 {
			t.Errorf("no trace is %s: the fleet shows too little", v)
		}
	}
	if b := got.Traces[broken]; b.Verdict == nil || *b.Verdict != "failed" || b.Attempts != 2 || b.Error == nil || !strings.Contains(*b.Error, "corrupt trace") {
		t.Errorf("the broken trace is %+v", b)
	}
	if _, err := os.Stat(filepath.Join(dir, "failed-once")); err != nil {
		t.Error("no replay was made to fail")
	}

	// The same hosts as one table of rows, on the worker that is left.
	events := filepath.Join(dir, "events.parquet")
	args := []string{"export", "--out", "events=" + events}
	for _, name := range plain {
		args = append(args, filepath.Join(traces, name))
	}
	interop.Output(t, exec.Command(afreplay, args...))
	table := filepath.Join(dir, "table")
	job2 := c.submit("--table", events, "--out", table, "--afreplay", afreplay)
	if text, err := job2.CombinedOutput(); err != nil {
		t.Fatalf("the job over a table ended with %v:\n%s", err, text[max(0, len(text)-8000):])
	}
	got = read(t, table)
	if len(got.Traces) != len(plain) {
		t.Errorf("%d worlds came out of the table, want %d", len(got.Traces), len(plain))
	}
	for _, name := range plain {
		i := slices.Index(names, name)
		world := fmt.Sprintf("host-%03d/boot %d", i/2, i%2)
		if tr, ok := got.Traces[world]; !ok || *tr.Verdict == "failed" {
			t.Errorf("%s is lost: %+v", world, tr)
		}
		if !reflect.DeepEqual(got.Findings[world], want[name]) {
			t.Errorf("%s, %s:\n got %v\nwant %v", world, name, got.Findings[world], want[name])
		}
	}
}
