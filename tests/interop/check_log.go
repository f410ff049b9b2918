// Command check_log holds an exported log against Go's own transparency log packages, golang.org/x/mod/sumdb/note and
// tlog, as Debian ships them: the checkpoint's signature, every tile, every entry, and the proofs that we make.
//
// The packages read the Go checksum database, whose layout differs from C2SP tlog-tiles: there paths name the tile's
// height, which here is always 8, and hold records where here entry bundles do.
//
//	check_log DIR VERIFIER-KEY PROOFS
//
// DIR is an export or a mirror. Each line of PROOFS is "inclusion INDEX HASH..." or "consistency SIZE ROOT HASH...",
// with hashes in base64.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// folder reads tiles as tlog-tiles lays them out.
type folder string

func (dir folder) Height() int { return height }

func (dir folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(dir), path(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// path is the tile's path without its height; the level -1, for data, is that of entry bundles.
func path(tile tlog.Tile) string {
	short := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
	return strings.Replace(short, "tile/data/", "tile/entries/", 1)
}

// entries returns the leaves, each with its length before it as a big-endian uint16.
func (dir folder) entries(size int64) ([][]byte, error) {
	var leaves [][]byte
	for start := int64(0); start < size; start += 1 << height {
		width := size - start
		if width > 1<<height {
			width = 1 << height
		}
		bundle := tlog.Tile{H: height, L: -1, N: start >> height, W: int(width)}
		data, err := os.ReadFile(filepath.Join(string(dir), path(bundle)))
		if err != nil {
			return nil, err
		}
		for i := int64(0); i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("bundle %d ends within entry %d", bundle.N, start+i)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			leaves, data = append(leaves, data[2:end]), data[end:]
		}
		if len(data) != 0 {
			return nil, fmt.Errorf("bundle %d has %d bytes too many", bundle.N, len(data))
		}
	}
	return leaves, nil
}

// checkpoint returns the tree that the log's key signed.
func checkpoint(dir, key string) (tree tlog.Tree, err error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tree, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(strings.TrimSuffix(opened.Text, "\n"), "\n")
	if len(lines) != 3 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("no checkpoint of %s", verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// checkEntries proves every entry from the tiles, which the reader holds against the tree.
func checkEntries(dir folder, tree tlog.Tree, tiles tlog.HashReader) error {
	leaves, err := dir.entries(tree.N)
	if err != nil {
		return err
	}
	for index, leaf := range leaves {
		proof, err := tlog.ProveRecord(tree.N, int64(index), tiles)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(leaf)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

// checkSizes proves that each smaller tree is the beginning of the whole one.
func checkSizes(tree tlog.Tree, tiles tlog.HashReader) error {
	for size := int64(1); size <= tree.N; size++ {
		old, err := tlog.TreeHash(size, tiles)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, size, tiles)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, old); err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
	}
	return nil
}

// checkProofs holds the proofs that we made against the tree.
func checkProofs(file string, tree tlog.Tree, leaves [][]byte) (count int, err error) {
	opened, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer opened.Close()
	for lines := bufio.NewScanner(opened); lines.Scan(); count++ {
		words := strings.Fields(lines.Text())
		number, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return count, err
		}
		hashes := make([]tlog.Hash, 0, len(words))
		for _, word := range words[2:] {
			raw, err := base64.StdEncoding.DecodeString(word)
			if err != nil || len(raw) != tlog.HashSize {
				return count, fmt.Errorf("no hash: %s", word)
			}
			hashes = append(hashes, *(*tlog.Hash)(raw))
		}
		if words[0] == "inclusion" {
			leaf := tlog.RecordHash(leaves[number])
			err = tlog.CheckRecord(tlog.RecordProof(hashes), tree.N, tree.Hash, number, leaf)
		} else {
			err = tlog.CheckTree(tlog.TreeProof(hashes[1:]), tree.N, tree.Hash, number, hashes[0])
		}
		if err != nil {
			return count, fmt.Errorf("%s: %w", lines.Text(), err)
		}
	}
	return count, nil
}

func check(dir folder, key, proofs string) error {
	tree, err := checkpoint(string(dir), key)
	if err != nil {
		return err
	}
	tiles := tlog.TileHashReader(tree, dir)
	if root, err := tlog.TreeHash(tree.N, tiles); err != nil || root != tree.Hash {
		return fmt.Errorf("the tiles do not lead to the root: %v", err)
	}
	if err := checkEntries(dir, tree, tiles); err != nil {
		return err
	}
	if err := checkSizes(tree, tiles); err != nil {
		return err
	}
	leaves, err := dir.entries(tree.N)
	if err != nil {
		return err
	}
	count, err := checkProofs(proofs, tree, leaves)
	if err != nil {
		return err
	}
	fmt.Printf("%d entries, %d proofs\n", tree.N, count)
	return nil
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: check_log DIR VERIFIER-KEY PROOFS")
		os.Exit(2)
	}
	if err := check(folder(os.Args[1]), os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
