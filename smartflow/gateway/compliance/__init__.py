"""The compliance domain of the local gateway: detectors, policies, scans, and what is learned from feedback."""
