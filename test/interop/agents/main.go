// Command agents serves recorded flows through Cilium's own observer server, as the agents of a cluster would: one
// server with one ring buffer for each node, and the peer service that tells Relay of them.
//
// It prints one JSON line with the addresses, then obeys lines on standard input, each answered by one line:
//
//	write N        put the next N recorded flows into the rings, each into its node's
//	lost NODE N    put a lost event of N events into a ring
//	stop NODE      stop the server of a node, as a crash would
//	start NODE     start it again, on the same address, with the same ring
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	peerpb "github.com/cilium/cilium/api/v1/peer"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/container"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/namespace"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// node is one agent: its ring outlives its server.
type node struct {
	name     string
	address  string
	observer *observer.LocalObserverServer
	server   *grpc.Server
}

func (n *node) start() error {
	listener, err := net.Listen("tcp", n.address)
	if err != nil {
		return err
	}
	n.address = listener.Addr().String()
	n.server = grpc.NewServer()
	observerpb.RegisterObserverServer(n.server, n.observer)
	go n.server.Serve(listener)
	return nil
}

// peers tells Relay of all nodes once, and of nothing after that: Relay finds out by itself which of them answer.
type peers struct {
	peerpb.UnimplementedPeerServer
	nodes []*node
}

func (p *peers) Notify(_ *peerpb.NotifyRequest, stream peerpb.Peer_NotifyServer) error {
	for _, n := range p.nodes {
		err := stream.Send(&peerpb.ChangeNotification{
			Name:    n.name,
			Address: n.address,
			Type:    peerpb.ChangeNotificationType_PEER_ADDED,
		})
		if err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return nil
}

// readFlows returns the flows of a recording in their order. Lost events and node status are the servers' own to send.
func readFlows(path string) ([]*flowpb.Flow, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	unmarshal := protojson.UnmarshalOptions{DiscardUnknown: true}
	var flows []*flowpb.Flow
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err == io.EOF {
			return flows, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: record after flow %d: %w", path, len(flows), err)
		}
		var event observerpb.ExportEvent
		if err := unmarshal.Unmarshal(raw, &event); err != nil {
			return nil, fmt.Errorf("%s: record after flow %d: %w", path, len(flows), err)
		}
		if event.GetResponseTypes() != nil && event.GetFlow() == nil {
			continue
		}
		flow := event.GetFlow()
		if flow == nil {
			flow = new(flowpb.Flow)
			if err := unmarshal.Unmarshal(raw, flow); err != nil {
				return nil, fmt.Errorf("%s: record after flow %d: %w", path, len(flows), err)
			}
		}
		flows = append(flows, flow)
	}
}

type agents struct {
	flows   []*flowpb.Flow
	written int
	nodes   map[string]*node
}

func (a *agents) write(count int) int {
	for ; count > 0 && a.written < len(a.flows); count-- {
		flow := a.flows[a.written]
		a.written++
		a.nodes[flow.GetNodeName()].observer.GetRingBuffer().Write(&v1.Event{
			Timestamp: flow.GetTime(),
			Event:     flow,
		})
	}
	return a.written
}

func (a *agents) obey(line string) (string, error) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return "", fmt.Errorf("not a command: %q", line)
	}
	if words[0] == "write" {
		count, err := strconv.Atoi(words[1])
		return fmt.Sprintf("written %d", a.write(count)), err
	}
	n, isNode := a.nodes[words[1]]
	if !isNode {
		return "", fmt.Errorf("no such node: %q", words[1])
	}
	switch {
	case words[0] == "stop":
		n.server.Stop()
		return "stopped", nil
	case words[0] == "start":
		return "started", n.start()
	case words[0] == "lost" && len(words) == 3:
		count, err := strconv.ParseUint(words[2], 10, 64)
		n.observer.GetRingBuffer().Write(&v1.Event{
			Timestamp: timestamppb.Now(),
			Event: &flowpb.LostEvent{
				Source:        flowpb.LostEventSource_PERF_EVENT_RING_BUFFER,
				NumEventsLost: count,
			},
		})
		return "lost", err
	}
	return "", fmt.Errorf("not a command: %q", line)
}

func run() error {
	path := flag.String("flows", "", "recorded flows, as JSON lines")
	first := flag.Int("write", 0, "how many of them stand in the rings from the start")
	capacity := flag.Int("capacity", 4095, "events that a ring holds: one less than a power of two")
	flag.Parse()
	flows, err := readFlows(*path)
	if err != nil {
		return err
	}
	size, err := container.NewCapacity(*capacity)
	if err != nil {
		return err
	}
	a := &agents{flows: flows, nodes: map[string]*node{}}
	service := &peers{}
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, flow := range flows {
		name := flow.GetNodeName()
		if a.nodes[name] != nil {
			continue
		}
		server, err := observer.NewLocalServer(nil, namespace.NewManager(), logger, observeroption.WithMaxFlows(size))
		if err != nil {
			return err
		}
		n := &node{name: name, address: "127.0.0.1:0", observer: server}
		if err := n.start(); err != nil {
			return err
		}
		a.nodes[name] = n
		service.nodes = append(service.nodes, n)
	}
	sort.Slice(service.nodes, func(i, j int) bool { return service.nodes[i].name < service.nodes[j].name })
	a.write(*first)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	peerpb.RegisterPeerServer(server, service)
	go server.Serve(listener)
	addresses := map[string]string{}
	for _, n := range service.nodes {
		addresses[n.name] = n.address
	}
	output := json.NewEncoder(os.Stdout)
	if err := output.Encode(map[string]any{
		"peers": listener.Addr().String(),
		"nodes": addresses,
		"flows": len(flows),
	}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := a.obey(lines.Text())
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return lines.Err()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
