"""What the prompt strategies ask and how they read answers, one file each; `prompts` names them."""
