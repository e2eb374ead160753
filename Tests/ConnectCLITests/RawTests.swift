import ConnectToTesting
import Testing

@Suite("--raw", .privateBus, .timeLimit(.minutes(1))) struct RawTests {
    @Test("connect listen --raw and connect to --raw carry 64 MiB unchanged both ways at the same time")
    func bytesPassBothWays() async throws {
        let outcome = try await Shell.run(
            """
            head -c 67108864 /dev/urandom >there
            { cat there; echo end; } >back
            mkfifo l.fifo
            connect listen x --raw --once <back >l.out 2>l.fifo & pid=$!
            heard l
            connect to x --raw <there >a.out; echo $?
            ends $pid
            cmp there l.out && cmp back a.out && echo same
            """)
        #expect(outcome.lines == ["0", "0", "same"])
    }

    @Test("connect listen --raw --exec gives its command the socket as standard input and output")
    func execHasTheSocket() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --raw --exec sh -c \
            'test -S /dev/stdin && test -S /dev/stdout && test /dev/stdin -ef /dev/stdout && echo socket; cat'
            printf 'no \\0 newline\\377' | connect to x --raw; echo " $?"
            connect to x --raw </dev/null; echo $?
            kill $pid; ends $pid
            """)
        #expect(
            outcome.output == Array("socket\nno \0 newline".utf8) + [0xFF]
                + Array(" 0\nsocket\n0\n143\n".utf8))
    }

    @Test("tar carries a directory through connect listen --raw and connect to --raw")
    func tarCarriesADirectory() async throws {
        let outcome = try await Shell.run(
            """
            mkdir from to; seq 1 100000 >from/a; ln -s a from/b; printf '' >'from/new
            line'
            start l connect listen x --raw --once --exec tar xf - -C to
            tar cf - -C from . | connect to x --raw; echo $?
            ends $pid
            diff -r from to && readlink to/b
            """)
        #expect(outcome.lines == ["0", "0", "a"])
    }

    @Test("HTTP requests pass through connect listen --raw and connect to --raw between unchanged programs")
    func httpPassesUnchanged() async throws {
        let outcome = try await Shell.run(
            """
            cat >server.py <<'end'
            from http.server import SimpleHTTPRequestHandler
            import socket
            SimpleHTTPRequestHandler.protocol_version = "HTTP/1.1"
            SimpleHTTPRequestHandler(socket.socket(fileno=0), ("a peer", 0), None)
            end
            cat >client.py <<'end'
            import http.client, socket, subprocess
            ours, theirs = socket.socketpair()
            subprocess.Popen(["connect", "to", "web", "--raw"], stdin=theirs, stdout=theirs)
            theirs.close()
            web = http.client.HTTPConnection("web")
            web.sock = ours
            for path in ["server.py", "client.py", "none"]:
                web.request("GET", "/" + path)
                answer = web.getresponse()
                body = answer.read()
                print(answer.status, path != "none" and body == open(path, "rb").read())
            end
            start l connect listen web --raw --exec python3 server.py
            python3 client.py
            """)
        #expect(outcome.lines == ["200 True", "200 True", "404 False"])
    }

    @Test("connect to --raw exits when the listener has closed, although its input goes on")
    func toEndsWhenTheListenerCloses() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --raw --exec sh -c 'read line; echo "got $line"'
            mkfifo in; connect to x --raw <in >a.out & to=$!
            exec 5>in
            echo hello >&5
            ends $to; cat a.out
            """)
        #expect(outcome.lines == ["0", "got hello"])
    }

    @Test("connect to --raw exits with 74 where the listener closes before it has taken all input")
    func listenerThatClosesTooEarlyIs74() async throws {
        let outcome = try await Shell.run(
            """
            start l sh -c 'connect listen x --raw | head -c 1 | wc -c'
            head -c 10000000 /dev/zero | { connect to x --raw; echo $?; }
            cat l.out
            """)
        #expect(outcome.lines == ["74", "1"])
    }

    @Test("connect listen --raw connects its standard input and output to one caller after the other")
    func callersHaveStandardInputInTurn() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --raw
            hold a connect to x --raw; a=$held
            echo one >&7
            until grep -q one a.out; do :; done
            hold b connect to x --raw; b=$held
            kill $a; wait $a
            echo two >&7
            until grep -q two b.out; do :; done
            cat a.out b.out
            kill $pid; ends $pid
            """)
        #expect(outcome.lines == ["one", "two", "143"])
    }

    @Test("A call of the other format, with or without --raw, is 77, and the error names the listener's format")
    func otherFormatIs77() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen stream --raw
            start m connect listen messages
            connect to stream hello; echo $?
            connect to messages --raw </dev/null; echo $?
            """)
        #expect(outcome.lines == ["77", "77"])
        #expect(outcome.errors.contains("streams"))
        #expect(outcome.errors.contains("messages"))
        #expect(outcome.errors.contains("; call it with --raw\n"))
        #expect(outcome.errors.contains("; call it without --raw\n"))
    }

    @Test("connect to --raw exits with 68 for a name without an owner, and ends when the reader of its output goes")
    func missingNameIs68AndAGoneReaderIsTheEnd() async throws {
        let outcome = try await Shell.run(
            """
            connect to x --raw </dev/null; echo $?
            start l connect listen x --raw --exec cat /dev/zero
            connect to x --raw </dev/null | head -c 3 | wc -c
            """)
        #expect(outcome.lines == ["68", "3"])
    }

    @Test("A signal that ends listen --raw --exec is SIGHUP to its commands and ends their lines")
    func endOfListenIsSIGHUPToCommands() async throws {
        let outcome = try await Shell.run(
            """
            cat >child <<'end'
            trap 'echo hup >hup; exit' HUP
            echo ready
            while :; do read more || :; done
            end
            mkfifo hup in a.out
            start l connect listen x --raw --exec sh child
            tail -f /dev/null >in &
            connect to x --raw <in >a.out & to=$!
            exec 8<a.out; read ready <&8; echo $ready
            kill -TERM $pid
            cat hup; ends $pid; ends $to
            """)
        #expect(outcome.lines == ["ready", "hup", "143", "0"])
    }

    @Test("A signal that ends listen --raw --exec is SIGHUP to a command that is being started, too")
    func endOfListenWhileACommandStarts() async throws {
        let outcome = try await Shell.run(
            """
            printf '#!/bin/sh\\nexec cat\\n' >child; chmod +x child
            # Another process's exec waits as long as this one has a lease on the file.
            cat >lease <<'end'
            import fcntl, os, signal, subprocess, sys
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
            file = os.open("child", os.O_RDWR)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            print("leased", file=sys.stderr, flush=True)
            signal.sigwait({signal.SIGIO})
            os.kill(int(sys.argv[1]), signal.SIGTERM)
            while subprocess.run(["connect", "info", "x"], capture_output=True).returncode == 0: pass
            end
            start l connect listen x --raw --exec ./child; l=$pid
            start p python3 lease $l
            mkfifo in; tail -f /dev/null >in &
            connect to x --raw <in; echo $?
            ends $l
            """)
        #expect(outcome.lines == ["0", "143"])
    }
}
