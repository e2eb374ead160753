import ConnectToTestSupport
import ConnectToTesting
import Testing

/// A program of the library ConnectToWorkers: `Tests/TestWorker`, as it was built.
private let testWorker = products + "/ConnectToTestWorker"

@Suite("connect pool", .privateBus, .timeLimit(.minutes(1))) struct PoolCommandTests {
    @Test("Answers come in the order of the tasks, from workers that stay")
    func answersAreInOrder() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            #!/bin/sh
            echo $$ >>pids
            # The first task waits until another worker has done the second.
            while read -r task; do
                [ "$task" != 1 ] || until [ -e second ]; do :; done
                [ "$task" != 2 ] || touch second
                echo "<$task>"
            done
            end
            chmod +x worker
            seq 1 100 | connect pool -j 2 ./worker >out 2>err; echo $?
            seq -f '<%g>' 1 100 | cmp - out && sort -u pids | wc -l
            cat err
            """)
        #expect(outcome.lines == ["0", "2"])
    }

    @Test("With --unordered answers come as they come")
    func unorderedIsAsTheyCome() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            while read -r task; do
                [ "$task" != 1 ] || until [ -e second ]; do :; done
                echo "$task"
            done
            end
            printf '1\\n2\\n' | connect pool -j 2 --unordered sh worker | { read -r first; echo "$first"; touch second; cat; }
            """)
        #expect(outcome.lines == ["2", "1"])
    }

    @Test("Ten thousand tasks are done, each once")
    func tenThousandTasks() async throws {
        let outcome = try await Shell.run(
            """
            seq -f '%gx' 1 10000 >expected
            seq 1 10000 | connect pool -j 4 sed -u 's/$/x/' | cmp - expected && echo same
            """)
        #expect(outcome.lines == ["same"])
    }

    @Test("Without tasks nothing is started, and connect pool exits with 0")
    func emptyInputStartsNothing() async throws {
        let outcome = try await Shell.run("connect pool touch started </dev/null; echo $?; ls")
        #expect(outcome.lines == ["0"])
        #expect(outcome.errors == "")
    }

    @Test("A last line without a newline, an empty one and one that is not UTF-8 are tasks, byte for byte")
    func everyLineIsATask() async throws {
        let outcome = try await Shell.run("printf 'a\\n\\n\\377b\\nlast' | connect pool -j 1 cat")
        #expect(outcome.output == Array("a\n\n".utf8) + [0xFF] + Array("b\nlast\n".utf8))
        #expect(outcome.status == 0)
    }

    @Test("A task of 1 MiB comes back whole")
    func largeTaskComesBack() async throws {
        let outcome = try await Shell.run(
            """
            head -c 1048576 /dev/zero | tr '\\0' a >large; echo >>large
            cat large large | connect pool -j 2 cat >out; echo $?
            cat large large | cmp - out && echo same
            """)
        #expect(outcome.lines == ["0", "same"])
    }

    // MARK: Failures

    @Test("A crash fails its own task, which is named with its line and how the command ended, and the rest goes on")
    func crashFailsItsOwnTask() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            while read -r task; do
                case $task in
                3) echo 'no such thing' >&2; exit 5;;
                5) kill -KILL $$;;
                esac
                echo "$task"
            done
            end
            seq 1 6 | connect pool -j 2 sh worker 2>err; echo $?
            grep -v '^no such thing' err | sort
            """)
        #expect(
            outcome.lines == [
                "1", "2", "4", "6", "70",
                "connect: 2 of 6 tasks failed: lines 3 and 5; --retries N tries a failed task again; "
                    + "--joblog FILE keeps how each task has ended",
                "line 3 failed: the command ended with exit status 5: no such thing",
                "line 5 failed: the command was ended by signal 9",
            ])
    }

    @Test("A task that never ends fails after --timeout, goes with all that it has started, and the rest goes on")
    func endlessTaskFails() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            trap '' TERM
            while read -r task; do
                [ "$task" != 2 ] || { sleep 1000 & echo $! >sleeping; wait; }
                echo "$task"
            done
            end
            seq 1 4 | connect pool -j 2 --timeout 0.5 sh worker 2>err; echo $?
            head -1 err
            grep -q '^State:.[^Z]' "/proc/$(cat sleeping)/status" 2>/dev/null || echo gone
            """)
        #expect(
            outcome.lines == ["1", "3", "4", "70", "line 2 failed: not done within 0.5 s (--timeout)", "gone"])
    }

    @Test("A failed task is tried again only with --retries, and counts as done if it succeeds then")
    func retriesAreAskedFor() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            while read -r task; do
                echo "$task" >>tried
                [ "$task" != 2 ] || [ "$(grep -c 2 tried)" -gt "$1" ] || exit 1
                echo "$task"
            done
            end
            seq 1 3 | connect pool -j 1 sh worker 1; echo $?
            rm tried
            seq 1 3 | connect pool -j 1 --retries 2 sh worker 2; echo $?
            grep -c 2 tried
            rm tried
            seq 1 3 | connect pool -j 1 --retries 2 sh worker 3; echo $?
            """)
        #expect(outcome.lines == ["1", "3", "70", "1", "2", "3", "0", "3", "1", "3", "70"])
        #expect(outcome.errors.contains("line 2: the command ended with exit status 1; try 3 of 3"))
    }

    @Test("A command that cannot be run is told at once: 64 where it is not there, 76 where the kernel does not run it")
    func commandThatCannotBeRun() async throws {
        let outcome = try await Shell.run(
            """
            echo x | connect pool ./nothing; echo $?
            echo 'echo hello' >script; chmod +x script
            seq 1 100 | connect pool -j 2 ./script 2>err; echo $?
            tail -1 err | grep -o 'begin a script with #!/bin/sh'
            """)
        #expect(outcome.lines == ["64", "76", "begin a script with #!/bin/sh"])
    }

    @Test("A command that prints two lines for a task is told, as answers and tasks no longer go together")
    func surplusLineIsTold() async throws {
        // Both at once: a line that comes after the answer has gone is seen with the next task alone.
        let outcome = try await Shell.run(
            #"""
            echo 'while read -r task; do printf "%s\n%s\n" "$task" "$task"; done' >twice
            echo a | connect pool -j 1 sh twice 2>err; echo $?; grep -o 'line 1 failed.*more than one line' err
            """#)
        #expect(outcome.lines.first == "70")
        #expect(outcome.lines.count == 2)
    }

    @Test("A command that answers one task and ends is started again for the next")
    func commandOfOneTaskIsStartedAgain() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            read -r task; printf '%s' "<$task>"
            end
            seq 1 5 | connect pool -j 1 sh worker; echo $?
            """)
        #expect(outcome.lines == ["<1>", "<2>", "<3>", "<4>", "<5>", "0"])
    }

    // MARK: The end

    @Test(
        "A signal ends connect pool within two seconds, and with it the workers, their commands and what these have started",
        arguments: [("INT", "130"), ("TERM", "143"), ("KILL", "137")])
    func signalEndsAll(_ signal: String, _ code: String) async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            trap '' TERM INT HUP
            sleep 1000 & echo $! >>pids
            echo $$ >>pids
            read -r task; wait
            end
            mkfifo in
            connect pool -j 2 sh worker <in 2>err & pool=$!
            exec 7>in; seq 1 10 >&7
            until [ "$(wc -l <pids)" = 4 ]; do :; done 2>/dev/null
            ready $pool
            pgrep -P $pool >adapters; wc -l <adapters
            begin=$(date +%s%N)
            kill -\(signal) $pool; wait $pool 2>/dev/null; echo $?
            for pid in $(cat pids adapters); do
                while grep -q '^State:.[^Z]' /proc/$pid/status; do :; done 2>/dev/null
            done
            [ $(($(date +%s%N) - begin)) -lt 2500000000 ] && echo 'in time'
            """)
        #expect(outcome.lines == ["2", code, "in time"])
    }

    @Test("When all tasks are done, the command sees the end of its input, and has time to put things away")
    func commandSeesTheEndOfItsInput() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            trap 'echo killed >end' TERM
            while read -r task; do echo "$task"; done
            echo 'put away' >end
            end
            echo a | connect pool -j 1 sh worker; cat end
            """)
        #expect(outcome.lines == ["a", "put away"])
    }

    @Test("Where the reader of standard output has gone, connect pool ends with 74 and one line")
    func brokenPipeIs74() async throws {
        let outcome = try await Shell.run(
            """
            { yes | connect pool -j 2 cat 2>err; echo $? >code; } | head -1
            cat code; cut -d' ' -f-6 err
            """)
        #expect(outcome.lines == ["y", "74", "connect: the reader of standard output"])
    }

    @Test("Standard input is read no further than 64 MiB of answers ahead of a task that takes long")
    func memoryIsBounded() async throws {
        let outcome = try await Shell.run(
            """
            cat >worker <<'end'
            $| = 1;
            while (<STDIN>) {
                if (/^first/) { for (1..50) { last if -e "written"; select(undef, undef, undef, 0.1) } }
                print -e "written" ? "read\n" : "not read\n" if /^first/;
                print unless /^first/;
            }
            end
            head -c 1048575 /dev/zero | tr '\\0' a >line; echo >>line
            { echo first; for i in $(seq 1 75); do cat line; done; touch written; } |
                connect pool -j 2 perl worker >out
            echo $?; head -1 out; wc -c <out
            """)
        #expect(outcome.lines == ["0", "not read", "\(75 * 1_048_576 + 9)"])
    }

    // MARK: Other kinds of workers

    @Test("--each starts the command for each task, with the task as its input and all of its output as the answer")
    func eachStartsTheCommand() async throws {
        let outcome = try await Shell.run(
            """
            printf 'a b\\nc\\nd\\n' | connect pool -j 2 --each sh -c 'read -r task; [ "$task" != c ] || {
                echo partial; echo "no $task" >&2; exit 3; }; echo "$task"; echo twice' 2>err
            echo $?; grep -o 'line 2 failed: .*' err
            """)
        #expect(
            outcome.lines == [
                "a b", "twice", "d", "twice", "70", "line 2 failed: the command ended with exit status 3: no c",
            ])
    }

    @Test("--argument gives the task as the last argument, and a command that prints nothing prints no line")
    func argumentIsTheLast() async throws {
        let outcome = try await Shell.run(
            """
            printf '%s\\n' 'a  b' '*' '' | connect pool --argument sh -c '[ -z "$1" ] || echo "$# <$1>"; cat' sh
            printf 'x\\0y\\n' | connect pool --argument echo 2>&1 | grep -o 'line 1 failed: the task has a NUL byte'
            """)
        #expect(outcome.lines == ["1 <a  b>", "1 <*>", "line 1 failed: the task has a NUL byte"])
    }

    @Test(
        "--type --as-json gives each task as JSON to a worker of the library, and a task that is not JSON fails alone")
    func tasksAreJSON() async throws {
        let outcome = try await Shell.run(
            """
            printf '%s\\n' '[1, 2]' '[1,' '[30, 4]' >tasks
            connect pool -j 1 --type sum --as-json \(testWorker) pool <tasks 2>err; echo $?; cat err
            head -1 tasks | connect pool --type sum --as-json --json \(testWorker) pool
            # Without --as-json the same is text.
            head -1 tasks | connect pool --type echo \(testWorker) pool
            connect pool --as-json cat <tasks 2>err; echo $?; cat err
            """)
        #expect(
            outcome.lines == [
                "3", "34", "70",
                "line 2 failed: byte 4 is not valid in JSON; write one value, text in quotation marks, or leave out --as-json",
                "connect: 1 of 3 tasks failed: line 2; --retries N tries a failed task again; "
                    + "--joblog FILE keeps how each task has ended",
                #"{"event":"answer","line":1,"json":3}"#, #"{"event":"end","tasks":1,"failed":0}"#, "[1, 2]", "64",
                "connect: --as-json needs --type; see connect pool --help",
            ])
    }

    @Test("A worker of the library that cannot be started is told with its exit status and what it wrote last")
    func failedStartIsTold() async throws {
        let outcome = try await Shell.run(
            """
            seq 1 9 | connect pool -j 1 --type sum \(testWorker) broken 2>err; echo $?
            tail -1 err | sed 's/process [0-9]*/process N/'
            seq 1 9 | connect pool -j 1 --type sum /bin/false 2>&1 | tail -1 | sed 's/process [0-9]*/process N/'
            """)
        #expect(
            outcome.lines == [
                "76",
                "connect: the worker \(testWorker) could not be started: before it was ready, process N ended with exit "
                    + "status 3; it wrote last: there is no model; 1 of 1 tasks failed: line 1, and no further task was begun",
                "connect: the worker /bin/false could not be started: before it was ready, process N ended with exit "
                    + "status 1; 1 of 1 tasks failed: line 1, and no further task was begun",
            ])
    }

    @Test("The command's own options are the command's, after two dashes or without, and its words pass byte for byte")
    func wordsAreTheCommands() async throws {
        let outcome = try await Shell.run(
            """
            echo a | connect pool -j1 cat -A
            echo b | connect pool -j 1 -- cat -A
            echo c | connect pool --jobs 1 --argument printf "$(printf '\\377')%s\\n%s\\n" --help
            """)
        #expect(outcome.output == Array("a$\nb$\n".utf8) + [0xFF] + Array("--help\nc\n".utf8))
    }

    @Test("--joblog has a line for each task that has ended")
    func joblogHasEachTask() async throws {
        let outcome = try await Shell.run(
            """
            seq 1 3 | connect pool -j 1 --joblog log --argument sh -c '[ $1 != 2 ] || exit 4; echo answer' sh >out 2>err
            cut -f1,2,5-9 log
            """)
        #expect(
            outcome.lines == [
                "Seq\tHost\tSend\tReceive\tExitval\tSignal\tCommand", "1\t:\t1\t6\t0\t0\t1", "2\t:\t1\t0\t4\t0\t2",
                "3\t:\t1\t6\t0\t0\t3",
            ])
    }

    @Test("--json has an object for each answer and failure, with the line of the task")
    func jsonHasLines() async throws {
        let outcome = try await Shell.run(
            "seq 1 2 | connect pool -j 1 --json --argument sh -c '[ $1 = 2 ] || exit 4; echo answer' sh 2>err")
        #expect(
            outcome.lines == [
                #"{"event":"failure","line":1,"code":"handler-failed","message":"the command ended with exit status 4","status":4}"#,
                #"{"event":"answer","line":2,"text":"answer"}"#,
                #"{"event":"end","tasks":2,"failed":1}"#,
                #"{"event":"error","code":70,"message":"1 of 2 tasks failed: line 1; --retries N tries a failed task again; "#
                    + #"--joblog FILE keeps how each task has ended"}"#,
            ])
    }

    @Test("A terminal on standard error shows the progress, and is left without it")
    func terminalShowsProgress() async throws {
        let outcome = try await Shell.run(
            """
            seq 1 3 >tasks
            cat >job <<'end'
            connect pool -j 1 sh -c 'while read -r task; do until [ -e go ]; do :; done; echo $task; done' <tasks >out
            end
            mkfifo screen
            script -qfec 'sh job' /dev/null </dev/null >screen &
            exec 8<screen
            head -c 200 <&8 | grep -ao '\\[\\.*\\] 0 %, 0 done, 1 running' | head -1
            touch go
            cat <&8 | tail -c 4 | od -An -c | tr -d ' '
            cat out
            """)
        #expect(
            outcome.lines == ["[..............................] 0 %, 0 done, 1 running", "\\r033[K", "1", "2", "3"])
    }

    @Test("A command that has not answered for five seconds is said to buffer its output")
    func bufferingCommandIsTold() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo in said
            connect pool -j 1 sed 's/a/b/' <in 2>said & pool=$!
            exec 7>in; echo a >&7
            read -r line <said; echo "$line" | grep -o 'sed -u'
            kill $pool; wait $pool
            """)
        #expect(outcome.lines == ["sed -u"])
    }
}
