// Loads Cilium policies the way Cilium does: the published schema, its parser, its sanitiser.
//
// It reads one policy a line as JSON from standard input, and answers each with one line: empty when the policy is
// taken, else what is wrong with it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"

	"github.com/cilium/cilium/pkg/k8s/apis/cilium.io/client"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	"github.com/cilium/cilium/pkg/option"
)

type schema struct {
	validator  validation.SchemaValidator
	structural *structuralschema.Structural
}

func main() {
	// What an agent has by default, and what its rules are checked under.
	option.Config.EnableICMPRules = true
	option.Config.EnableL7Proxy = true
	option.Config.EnableNonDefaultDenyPolicies = true

	schemas := map[string]schema{
		"CiliumNetworkPolicy":            load(client.CNPCRDName),
		"CiliumClusterwideNetworkPolicy": load(client.CCNPCRDName),
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			fmt.Println(strings.ReplaceAll(check(line, schemas), "\n", " "))
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func load(name string) schema {
	crd := client.GetPregeneratedCRD(slog.New(slog.DiscardHandler), name)
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil); err != nil {
		panic(err)
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		panic(err)
	}
	structural, err := structuralschema.NewStructural(&internal)
	if err != nil {
		panic(err)
	}
	return schema{validator, structural}
}

func check(line []byte, schemas map[string]schema) string {
	var object map[string]any
	if err := json.Unmarshal(line, &object); err != nil {
		return err.Error()
	}
	kind, _ := object["kind"].(string)
	schema, ok := schemas[kind]
	if !ok {
		return "no policy of Cilium: " + kind
	}
	if errs := validation.ValidateCustomResource(nil, object, schema.validator); len(errs) > 0 {
		return "schema: " + errs.ToAggregate().Error()
	}
	unknown := pruning.PruneWithOptions(object, schema.structural, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	if len(unknown) > 0 {
		return "unknown fields: " + strings.Join(unknown, ", ")
	}
	logger := slog.New(slog.DiscardHandler)
	if kind == "CiliumNetworkPolicy" {
		var policy v2.CiliumNetworkPolicy
		if err := json.Unmarshal(line, &policy); err != nil {
			return err.Error()
		}
		if _, err := policy.Parse(logger, "default"); err != nil {
			return err.Error()
		}
		return ""
	}
	var policy v2.CiliumClusterwideNetworkPolicy
	if err := json.Unmarshal(line, &policy); err != nil {
		return err.Error()
	}
	if _, err := policy.Parse(logger, "default"); err != nil {
		return err.Error()
	}
	return ""
}
