// Reads Knative Services strictly, into Knative's own types, and checks them as its webhook does.
//
//	knative FILE…
package main

import (
	"context"
	"fmt"
	"os"

	"knative.dev/pkg/apis"
	"knative.dev/serving/pkg/apis/config"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
	"sigs.k8s.io/yaml"
)

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var service servingv1.Service
	if err := yaml.UnmarshalStrict(text, &service); err != nil {
		return err
	}
	if service.Kind != "Service" || service.APIVersion != servingv1.SchemeGroupVersion.String() {
		return fmt.Errorf("it is a %s %s", service.APIVersion, service.Kind)
	}
	defaults, err := config.NewDefaultsConfigFromMap(map[string]string{})
	if err != nil {
		return err
	}
	features, err := config.NewFeaturesConfigFromMap(map[string]string{})
	if err != nil {
		return err
	}
	ctx := config.ToContext(context.Background(), &config.Config{Defaults: defaults, Features: features})
	service.SetDefaults(ctx)
	if problem := service.Validate(ctx).Filter(apis.ErrorLevel); problem != nil {
		return problem
	}
	return nil
}

func main() {
	failed := 0
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			fmt.Printf("%s: %v\n", path, err)
			failed++
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}
