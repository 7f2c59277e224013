// Command agent starts the runtimes of its node and reports when one stops.
package main

import (
	"log"
	"os"
	"os/exec"
	"time"
)

func main() {
	for {
		runtime := exec.Command("/runtime", "--model", os.Getenv("FERRY_MODEL"))
		runtime.Stdout, runtime.Stderr = os.Stdout, os.Stderr
		log.Printf("runtime ended: %v", runtime.Run())
		time.Sleep(2 * time.Second)
	}
}
